// A job in one line, for pages that are about something else: what it is, how far, what it says.

import { Link } from '@tanstack/react-router';
import type { JobSummary } from '../api/schema';
import { Amount, Bar } from './Bar';
import { StatusTag, TypeTag } from './tags';
import './job.css';

export function JobLine({ job }: { job: JobSummary }) {
  const said = job.error ?? job.message;
  return (
    <div className="job-line">
      <Link to="/jobs/$id" params={{ id: job.id }} preload={false}>
        <TypeTag type={job.type} />
      </Link>
      <StatusTag job={job} />
      <div className="job-line-bar">
        <Bar job={job} />
      </div>
      <Amount job={job} />
      {said ? <span className="job-line-said any-text">{said}</span> : null}
    </div>
  );
}
