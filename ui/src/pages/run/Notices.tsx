// What stands in the way of a job, or should be known before it is run.

import { Link } from '@tanstack/react-router';
import { Alert } from 'antd';
import type { JobDetail, JobSummary, JobType } from '../../api/schema';
import { isTerminal } from '../../job/status';
import { StatusTag } from '../../job/tags';
import { plural } from '../../job/words';

interface Props {
  type: JobType;
  /** The job that is run again. */
  from: (JobSummary & Pick<JobDetail, 'only_items'>) | undefined;
  /** Unfinished jobs of the type. */
  unfinished: JobSummary[];
  /** Params that the type does not take. */
  dropped: string[];
}

export function Notices({ type, from, unfinished, dropped }: Props) {
  const [first] = unfinished;
  return (
    <>
      {from ? <Origin from={from} /> : null}
      {first && type.admission === 'exclusive' ? (
        <Alert
          type="warning"
          showIcon
          title={
            <>
              Only one job of this type may exist at a time. <JobLink job={first}>This one</JobLink> is not done:{' '}
              <StatusTag job={first} />
            </>
          }
        />
      ) : null}
      {first && type.admission === 'serial' ? (
        <Alert
          type="info"
          showIcon
          title={
            <>
              Jobs of this type run one after another. Yours will wait for <JobLink job={first}>this one</JobLink>
              {unfinished.length > 1 ? ` and ${unfinished.length - 1} more` : ''}.
            </>
          }
        />
      ) : null}
      {type.paused ? (
        <Alert
          type="info"
          showIcon
          title={`This type is paused${type.paused.reason ? ` (${type.paused.reason})` : ''}: the job waits until it is resumed.`}
        />
      ) : null}
      {dropped.length > 0 ? (
        <Alert
          type="warning"
          showIcon
          title={`Left out, because this type does not take ${dropped.length === 1 ? 'it' : 'them'} like that: ${dropped.join(', ')}.`}
        />
      ) : null}
    </>
  );
}

/** Which job is run again, and whether it can be. */
function Origin({ from }: { from: JobSummary & Pick<JobDetail, 'only_items'> }) {
  const ended = isTerminal(from.status);
  return (
    <Alert
      type={ended ? 'info' : 'warning'}
      showIcon
      title={
        <>
          {ended ? 'A new job, linked with ' : 'It has not ended yet, so it can’t be run again: '}
          <JobLink job={from}>{ended ? 'the one' : 'the job'}</JobLink>
          {ended ? ' that these params are from.' : '.'}
          {from.only_items ? ` It is about the same ${plural(from.only_items.length, 'item')} only.` : ''}
        </>
      }
    />
  );
}

function JobLink({ job, children }: { job: Pick<JobSummary, 'id'>; children: string }) {
  return (
    <span className="linked">
      <Link to="/jobs/$id" params={{ id: job.id }}>
        {children}
      </Link>
    </span>
  );
}
