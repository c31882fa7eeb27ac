// Moments and time spans of a job. The whole moment is in the title.

import type { JobSummary } from '../api/schema';
import { useNow } from '../live/now';
import { retryIn } from './retry';
import { isActive } from './status';
import { clock, date, duration, elapsed, relative, ticking } from './words';

/** How long ago or how soon. */
export function When({ at }: { at: string }) {
  const now = useNow();
  const moment = Date.parse(at);
  return (
    <time dateTime={at} title={whole(moment)} className="nowrap">
      {relative(moment, now)}
    </time>
  );
}

/** The time of day, with the date when it is not today's. */
export function Clock({ at }: { at: string }) {
  const moment = Date.parse(at);
  const today = date(moment) === date(Date.now());
  return (
    <time dateTime={at} title={whole(moment)} className="nowrap number">
      {today ? clock(moment) : whole(moment)}
    </time>
  );
}

function whole(moment: number): string {
  return `${date(moment)} ${clock(moment)}`;
}

/** How long a job has run, ticking, or how long it took; nothing before it started. */
export function Elapsed({ job }: { job: JobSummary }) {
  if (!job.started_at) return null;
  return isActive(job.status) ? <Ticking since={job.started_at} /> : <Took job={job} />;
}

/** Between two moments, or ticking from the first on. */
export function Span({ from, to }: { from: string; to: string | null }) {
  if (to === null) return <Ticking since={from} />;
  return <span className="number nowrap">{duration(Date.parse(to) - Date.parse(from))}</span>;
}

function Ticking({ since }: { since: string }) {
  return <span className="number nowrap">{ticking(useNow() - Date.parse(since))}</span>;
}

function Took({ job }: { job: JobSummary }) {
  return <span className="number nowrap">{duration(elapsed(job, Date.parse(job.updated_at)) ?? 0)}</span>;
}

/** How soon a failed attempt is followed by another, ticking. */
export function RetryIn({ job }: { job: JobSummary }) {
  return <span className="number nowrap">{retryIn(job, useNow())}</span>;
}
