// What a runner runs. It alone is drawn again when a job gets on.

import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import type { JobSummary, JobType } from '../../api/schema';
import { Amount, Bar } from '../../job/Bar';
import { byWhom } from '../../job/words';
import { useRunningJobs } from '../../live/live';

export function RunnerJobs({ type }: { type: JobType }) {
  const jobs = useRunningJobs().filter((job) => job.type === type.type);
  if (jobs.length === 0) return null;
  return (
    <ul className="runner-jobs" aria-label={`What ${type.label} runs`}>
      {jobs.map((job) => (
        <Row key={job.id} job={job} />
      ))}
    </ul>
  );
}

const Row = memo(function Row({ job }: { job: JobSummary }) {
  return (
    <li>
      <Link to="/jobs/$id" params={{ id: job.id }}>
        {job.message ?? `Started by ${byWhom(job.created_by)}`}
      </Link>
      <Bar job={job} />
      <Amount job={job} />
    </li>
  );
});
