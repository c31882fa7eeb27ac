// The way down to a job that another one started: from the job that somebody triggered to this one.

import { Link } from '@tanstack/react-router';
import type { JobSummary } from '../../api/schema';
import { StatusTag, TypeTag } from '../../job/tags';
import { useLiveJob } from '../../live/live';

export function Ancestors({ ancestors }: { ancestors: readonly JobSummary[] }) {
  if (ancestors.length === 0) return null;
  return (
    <nav aria-label="Jobs above this one">
      <ol className="ancestors">
        {ancestors.map((job) => (
          <li key={job.id}>
            <Above read={job} />
          </li>
        ))}
        <li aria-current="page">this job</li>
      </ol>
    </nav>
  );
}

function Above({ read }: { read: JobSummary }) {
  const job = useLiveJob(read.id, read);
  return (
    <>
      <Link to="/jobs/$id" params={{ id: job.id }} title={job.id}>
        <TypeTag type={job.type} />
      </Link>{' '}
      <StatusTag job={job} />
    </>
  );
}
