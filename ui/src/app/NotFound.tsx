import { Link } from '@tanstack/react-router';
import { Empty } from './Empty';

export function NotFound() {
  return (
    <Empty title="There is no such page">
      Go to the <Link to="/">overview</Link> or to the <Link to="/jobs">jobs</Link>.
    </Empty>
  );
}
