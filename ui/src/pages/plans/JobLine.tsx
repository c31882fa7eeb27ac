// How far a job of a plan is, live.

import { Link } from '@tanstack/react-router';
import type { JobSummary } from '../../api/schema';
import { Amount, Bar } from '../../job/Bar';
import { StatusTag, TypeTag } from '../../job/tags';

export function JobLine({ job }: { job: JobSummary }) {
  const said = job.error ?? job.message;
  return (
    <div className="plan-job">
      <Link to="/jobs/$id" params={{ id: job.id }} preload={false}>
        <TypeTag type={job.type} />
      </Link>
      <StatusTag job={job} />
      <div className="plan-job-bar">
        <Bar job={job} />
      </div>
      <Amount job={job} />
      {said ? <span className="plan-job-said any-text">{said}</span> : null}
    </div>
  );
}
