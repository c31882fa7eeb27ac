// What runs now, each with its bar, pace and time left.

import CloseOutlined from '@ant-design/icons/es/icons/CloseOutlined';
import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { memo, useState } from 'react';
import type { JobSummary } from '../../api/schema';
import { CancelDialog } from '../../job/actions';
import { Amount, Bar } from '../../job/Bar';
import { Left, Pace } from '../../job/Pace';
import { ACTIVE } from '../../job/status';
import { TypeTag } from '../../job/tags';
import { Elapsed } from '../../job/times';
import { byWhom, plural } from '../../job/words';
import { useLiveState, useRunningJobs } from '../../live/live';

/** More would be a list to search in, which the jobs page is. */
const SHOWN = 50;

export function Running() {
  const jobs = useRunningJobs();
  const known = useLiveState().kind !== 'connecting';
  const [cancelled, cancel] = useState<JobSummary>();
  return (
    <section className="panel wide" aria-labelledby="running">
      <h2 id="running">Running now</h2>
      {jobs.length === 0 && known ? (
        <p className="muted">
          Nothing runs. <Link to="/run">Run a job</Link>
        </p>
      ) : null}
      <ul className="rows">
        {jobs.slice(0, SHOWN).map((job) => (
          <Row key={job.id} job={job} cancel={cancel} />
        ))}
      </ul>
      {jobs.length > SHOWN ? (
        <p>
          <Link to="/jobs" search={{ status: ACTIVE }}>
            {plural(jobs.length - SHOWN, 'more job')}
          </Link>
        </p>
      ) : null}
      {cancelled ? <CancelDialog job={cancelled} close={() => cancel(undefined)} /> : null}
    </section>
  );
}

const Row = memo(function Row({ job, cancel }: { job: JobSummary; cancel(job: JobSummary): void }) {
  return (
    <li className="row running-row">
      <span className="row-name">
        <TypeTag type={job.type} />
        <Link to="/jobs/$id" params={{ id: job.id }} className="row-text">
          {job.message ?? `Started by ${byWhom(job.created_by)}`}
        </Link>
      </span>
      <Bar job={job} />
      <span className="row-facts muted">
        <Amount job={job} />
        <Pace job={job} />
        <Left job={job} />
        <Elapsed job={job} />
      </span>
      <Button
        size="small"
        type="text"
        icon={<CloseOutlined />}
        aria-label="Cancel this job"
        title="Cancel"
        disabled={job.status === 'cancelling'}
        onClick={() => cancel(job)}
      />
    </li>
  );
});
