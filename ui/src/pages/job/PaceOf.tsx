// The speed of a running job and the time that is left. Its own component: it ticks once a second.

import { useEffect, useState } from 'react';
import { useJobType } from '../../api/queries';
import type { JobSummary } from '../../api/schema';
import { count, duration } from '../../job/words';
import { useNow } from '../../live/live';
import { type Pace, PaceMeter } from './pace';

export function PaceOf({ job }: { job: JobSummary }) {
  const unit = useJobType(job.type)?.unit.plural ?? 'items';
  const { rate_per_second: rate, eta_seconds: eta } = usePace(job);
  return (
    <span className="job-pace muted number">
      {rate === null ? null : <span>{speed(rate, unit)}</span>}
      {eta === null ? null : <span>about {duration(Math.ceil(eta) * 1_000)} left</span>}
    </span>
  );
}

function usePace(job: JobSummary): Pace {
  const [meter] = useState(() => new PaceMeter());
  const now = useNow();
  useEffect(() => meter.hear(job, Date.now()), [meter, job]);
  return meter.pace(now);
}

/** In the largest unit of time that needs no more than one digit behind the point. */
function speed(perSecond: number, unit: string): string {
  if (perSecond >= 10) return `${count(Math.round(perSecond))} ${unit}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)} ${unit}/s`;
  if (perSecond * 60 >= 1) return `${(perSecond * 60).toFixed(perSecond * 60 >= 10 ? 0 : 1)} ${unit}/min`;
  return `${(perSecond * 3_600).toFixed(1)} ${unit}/h`;
}
