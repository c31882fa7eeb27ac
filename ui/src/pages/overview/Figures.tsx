// The whole in four numbers, each of which leads to its jobs.

import { Link } from '@tanstack/react-router';
import type { Stats, Status } from '../../api/schema';
import { ACTIVE } from '../../job/status';
import { count } from '../../job/words';

export function Figures({ stats: { totals, throughput } }: { stats: Stats }) {
  const failed = throughput.reduce((sum, minute) => sum + minute.failed, 0);
  const completed = throughput.reduce((sum, minute) => sum + minute.completed, 0);
  return (
    <ul className="figures">
      <Figure label="running" n={totals.running + totals.cancelling} status={ACTIVE} />
      <Figure label="waiting" n={totals.pending} status={['pending']} />
      <Figure label="completed this hour" n={completed} status={['completed']} />
      <Figure label="failed this hour" n={failed} status={['failed']} bad={failed > 0} />
    </ul>
  );
}

function Figure({ label, n, status, bad }: { label: string; n: number; status: Status[]; bad?: boolean }) {
  return (
    <li>
      <Link to="/jobs" search={{ status }}>
        <strong className={bad ? 'number bad' : 'number'}>{count(n)}</strong> {label}
      </Link>
    </li>
  );
}
