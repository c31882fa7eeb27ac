// What a job is, how far it is, and what can be done to it.

import type { JobDetail, JobSummary } from '../../api/schema';
import { Amount, Bar } from '../../job/Bar';
import { Left, Pace } from '../../job/Pace';
import { isTerminal } from '../../job/status';
import { StatusTag, TypeTag } from '../../job/tags';
import { Why } from '../../job/Why';
import { Actions } from './Actions';
import { Facts } from './Facts';
import { Holders } from './Holders';

export function Head({ job, detail }: { job: JobSummary; detail: JobDetail }) {
  return (
    <section className="panel" aria-label="Job">
      <div className="job-title">
        <h1>
          <TypeTag type={job.type} />
        </h1>
        <StatusTag job={job} />
        <Actions job={job} />
      </div>
      <div className="job-progress">
        <Bar job={job} />
        <div className="job-amount">
          <Amount job={job} />
          {job.status === 'running' ? (
            <span className="job-pace muted">
              <Pace job={job} />
              <Left job={job} />
            </span>
          ) : null}
        </div>
        {/* Its place is kept as long as a message may come. */}
        {job.message || !isTerminal(job.status) ? (
          <p className="job-message any-text">{job.status === 'pending' ? <Why job={job} /> : job.message}</p>
        ) : null}
        {job.status === 'pending' ? <Holders job={job} /> : null}
      </div>
      <Facts job={job} detail={detail} />
    </section>
  );
}
