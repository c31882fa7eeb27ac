// How far a job is, as a bar and in words. Drawn by the browser's compositor: fifty of them moving cost next to nothing.

import { useJobType } from '../api/queries';
import type { JobSummary } from '../api/schema';
import { shownStatus } from './status';
import { amount } from './words';
import './job.css';

/** The bar alone. */
export function Bar({ job }: { job: JobSummary }) {
  const unit = useJobType(job.type)?.unit;
  const percent = Math.min(100, Math.max(0, job.progress));
  return (
    <div
      className={`bar ${shownStatus(job)}`}
      role="progressbar"
      aria-valuenow={Math.floor(percent)}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuetext={amount(job, unit)}
      aria-label="Progress"
    >
      <div style={{ transform: `scaleX(${percent / 100})` }} />
    </div>
  );
}

/** `15 / 30 scenes`, or `50%`. */
export function Amount({ job }: { job: JobSummary }) {
  return <span className="number nowrap">{amount(job, useJobType(job.type)?.unit)}</span>;
}
