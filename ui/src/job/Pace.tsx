// How fast a job is and when it will be done, as the server reckons from its last half minute.

import { useJobType } from '../api/queries';
import type { JobSummary } from '../api/schema';
import { useNow } from '../live/now';
import { pace, ticking } from './words';

/** `12.3 files/s`; nothing while that is unknown. */
export function Pace({ job }: { job: JobSummary }) {
  const unit = useJobType(job.type)?.unit;
  if (job.rate_per_second === null || job.rate_per_second === undefined) return null;
  return <span className="number nowrap">{pace(job.rate_per_second, unit)}</span>;
}

/** `3 min 20 s left`, counting down between updates; nothing while that is unknown. */
export function Left({ job }: { job: JobSummary }) {
  if (job.eta_seconds === null || job.eta_seconds === undefined) return null;
  return <Countdown until={Date.parse(job.updated_at) + job.eta_seconds * 1_000} />;
}

function Countdown({ until }: { until: number }) {
  const left = until - useNow();
  return <span className="number nowrap">{left < 1_000 ? 'nearly done' : `${ticking(left)} left`}</span>;
}
