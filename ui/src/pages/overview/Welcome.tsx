// What to do first, where no job has run yet.

import { useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';

export function Welcome() {
  const navigate = useNavigate();
  return (
    <section className="panel welcome" aria-labelledby="welcome">
      <h2 id="welcome">No job has run here yet</h2>
      <p>
        A job is one piece of long work: scanning a folder, cleaning up. Start one, and watch here how far it is. The
        demo touches nothing; it only counts.
      </p>
      <p className="welcome-buttons">
        <Button type="primary" onClick={() => void navigate({ to: '/run' })}>
          Choose a job
        </Button>
        <Button onClick={() => void navigate({ to: '/run/$type', params: { type: 'demo' } })}>Try the demo</Button>
      </p>
      <p className="muted">
        In a terminal: <code>stashhog run demo</code>
      </p>
    </section>
  );
}
