// The facts of a job: when, how often, by whom and why, where, and the jobs that it belongs to.

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { JobDetail, JobSummary } from '../../api/schema';
import { By } from '../../job/By';
import { CopyButton } from '../../job/CopyButton';
import { waitsForRetry } from '../../job/retry';
import { ShortId } from '../../job/ShortId';
import { Clock, Elapsed, RetryIn, When } from '../../job/times';
import { plural } from '../../job/words';
import { useNow } from '../../live/now';
import { NodeName } from '../../node/NodeName';

export function Facts({ job, detail }: { job: JobSummary; detail: JobDetail }) {
  const { only_items, retried_as, ancestors } = detail;
  return (
    <dl className="facts">
      <Fact name="Submitted">
        <When at={job.created_at} /> by <By job={job} />
      </Fact>
      {job.reason ? (
        <Fact name="Reason" wide>
          {job.reason}
        </Fact>
      ) : null}
      {job.status === 'pending' ? <Waiting job={job} /> : null}
      {job.expires_at ? (
        <Fact name="Not started after">
          <Clock at={job.expires_at} />
        </Fact>
      ) : null}
      {job.started_at ? (
        <Fact name={job.completed_at ? 'Took' : 'Elapsed'}>
          <Elapsed job={job} />
        </Fact>
      ) : null}
      {job.completed_at ? (
        <Fact name="Ended">
          <Clock at={job.completed_at} />
        </Fact>
      ) : null}
      {job.attempt > 0 ? (
        <Fact name="Attempt">
          {job.attempt}
          {job.failures > 0 ? `, ${plural(job.failures, 'failure')}` : ''}
          {job.interruptions > 0 ? `, ${plural(job.interruptions, 'interruption')}` : ''}
        </Fact>
      ) : null}
      <Fact name="Priority">{job.priority}</Fact>
      {job.node_id ? (
        <Fact name="Node">
          <NodeName id={job.node_id} />
        </Fact>
      ) : null}
      {job.schedule_id ? (
        <Fact name="Schedule">
          <span className="linked">
            <Link to="/schedules/$id" params={{ id: job.schedule_id }}>
              {typeof detail.metadata.schedule === 'string' ? detail.metadata.schedule : 'its schedule'}
            </Link>
          </span>
        </Fact>
      ) : null}
      {job.parent_id && !ancestors.some(({ id }) => id === job.parent_id) ? (
        <Jobs name="Started by" ids={[job.parent_id]} />
      ) : null}
      {job.retry_of ? <Jobs name={only_items ? 'Retries failed items of' : 'Retries'} ids={[job.retry_of]} /> : null}
      {retried_as.length > 0 ? <Jobs name="Retried as" ids={retried_as} /> : null}
      <Fact name="Id" wide>
        <code>{job.id}</code>
        <CopyButton text={job.id} what="the id" />
      </Fact>
    </dl>
  );
}

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={wide ? 'fact-wide' : undefined}>
      <dt className="muted">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Until when a job waits; nothing when it is only the turn of others. */
function Waiting({ job }: { job: JobSummary }) {
  const now = useNow();
  if (waitsForRetry(job)) {
    return (
      <Fact name="Retry">
        {job.failures} of {job.max_retries}, <RetryIn job={job} />
      </Fact>
    );
  }
  if (Date.parse(job.run_at) <= now) return null;
  return (
    <Fact name="Starts">
      <When at={job.run_at} /> (<Clock at={job.run_at} />)
    </Fact>
  );
}

function Jobs({ name, ids }: { name: string; ids: string[] }) {
  return (
    <Fact name={name}>
      <span className="linked">
        {ids.map((id) => (
          <Link key={id} to="/jobs/$id" params={{ id }} className="job-link">
            <ShortId id={id} />
          </Link>
        ))}
      </span>
    </Fact>
  );
}
