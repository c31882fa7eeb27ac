// What to do first, where no job has run yet.

import { useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { useJobType } from '../../api/queries';

export function Welcome() {
  const navigate = useNavigate();
  // A program with jobs of its own may be without it.
  const demo = useJobType('demo');
  return (
    <section className="panel welcome" aria-labelledby="welcome">
      <h2 id="welcome">No job has run here yet</h2>
      <p>
        A job is one piece of long work: scanning a folder, cleaning up. Start one, and watch here how far it is.
        {demo ? ' The demo touches nothing; it only counts.' : null}
      </p>
      <p className="welcome-buttons">
        <Button type="primary" onClick={() => void navigate({ to: '/run' })}>
          Choose a job
        </Button>
        {demo ? (
          <Button onClick={() => void navigate({ to: '/run/$type', params: { type: demo.type } })}>Try the demo</Button>
        ) : null}
      </p>
      {demo ? (
        <p className="muted">
          In a terminal: <code>stashhog run {demo.type}</code>
        </p>
      ) : null}
    </section>
  );
}
