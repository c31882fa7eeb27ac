// Why a job or its last attempt failed: the error, and under it what caused it.

import type { JobSummary } from '../../api/schema';
import { CopyButton } from '../../job/CopyButton';
import { waitsForRetry } from '../../job/retry';
import { causes } from './causes';

export function ErrorPanel({ job }: { job: JobSummary }) {
  if (!job.error) return null;
  const [what, ...because] = causes(job.error);
  return (
    <section className="panel job-error" aria-label="Error">
      <div className="panel-head">
        <h2>{waitsForRetry(job) ? `Error of attempt ${job.attempt}` : 'Error'}</h2>
        <CopyButton text={job.error} what="the error" />
      </div>
      <p className="job-error-text">{what}</p>
      {because.length > 0 ? (
        <ol className="job-causes" aria-label="Causes">
          {because.map((cause, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the place in the chain is what a cause is known by
            <li key={at} className="job-error-text">
              {cause}
            </li>
          ))}
        </ol>
      ) : null}
    </section>
  );
}
