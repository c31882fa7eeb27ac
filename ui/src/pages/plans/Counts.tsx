// Where the changes of a plan are in their life, each count leading to them.

import { Link } from '@tanstack/react-router';
import type { ChangeCounts } from '../../api/schema';
import { ColorTag } from '../../job/tags';
import { count, plural } from '../../job/words';
import { CHANGE_STATUSES } from './filter';
import { CHANGE_COLORS } from './words';

export function Counts({ id, counts }: { id: string; counts: ChangeCounts }) {
  const some = CHANGE_STATUSES.filter((status) => counts[status] > 0);
  if (some.length === 0) return <span className="muted">no changes</span>;
  return (
    <span className="plan-counts">
      {some.map((status) => (
        <Link
          key={status}
          to="/plans/$id"
          params={{ id }}
          search={{ status: [status] }}
          aria-label={`${plural(counts[status], 'change')} ${status}`}
        >
          <ColorTag color={CHANGE_COLORS[status]}>
            {count(counts[status])} {status}
          </ColorTag>
        </Link>
      ))}
    </span>
  );
}
