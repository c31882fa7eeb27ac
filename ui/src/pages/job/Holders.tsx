// The jobs that have what a pending job waits for.

import { Link } from '@tanstack/react-router';
import type { JobSummary } from '../../api/schema';
import { ShortId } from '../../job/ShortId';
import { useExplanation } from '../../job/Why';
import { byWhom } from '../../job/words';

export function Holders({ job }: { job: JobSummary }) {
  const holders = useExplanation(job)?.held_by ?? [];
  if (holders.length === 0) return null;
  return (
    <ul className="job-holders" aria-label="Jobs that it waits for">
      {holders.map((holder) => (
        <li key={holder.id}>
          <Link to="/jobs/$id" params={{ id: holder.id }}>
            {holder.message ?? `${holder.status}, submitted by ${byWhom(holder.created_by)}`}
          </Link>{' '}
          <ShortId id={holder.id} />
        </li>
      ))}
    </ul>
  );
}
