// One level of the tree: the jobs that one job started.

import RightOutlined from '@ant-design/icons/es/icons/RightOutlined';
import { Link } from '@tanstack/react-router';
import { memo, useState } from 'react';
import type { JobSummary } from '../../../api/schema';
import { Failed } from '../../../app/Failed';
import { Amount, Bar } from '../../../job/Bar';
import { StatusTag, TypeTag } from '../../../job/tags';
import { Elapsed } from '../../../job/times';
import { useLiveJob } from '../../../live/live';
import { useChildren } from './useChildren';

interface LevelProps {
  parent: string;
  jobs: readonly JobSummary[];
  more: boolean;
}

export function Level({ parent, jobs, more }: LevelProps) {
  return (
    <ul className="children-level">
      {jobs.map((job) => (
        <Child key={job.id} read={job} />
      ))}
      {more ? (
        <li className="children-more">
          <Link to="/jobs" search={{ parent }}>
            All of them
          </Link>
        </li>
      ) : null}
    </ul>
  );
}

const Child = memo(function Child({ read }: { read: JobSummary }) {
  const job = useLiveJob(read.id, read);
  const [open, setOpen] = useState(false);
  return (
    <li>
      <div className="child">
        {/* What has not begun has started nothing. */}
        {job.attempt > 0 ? <Fold job={job} open={open} toggle={() => setOpen(!open)} /> : <span />}
        <span className="child-name">
          <TypeTag type={job.type} />
          <Link to="/jobs/$id" params={{ id: job.id }} title={job.error ?? job.message ?? job.id}>
            {nameOf(job)}
          </Link>
        </span>
        <StatusTag job={job} />
        <Bar job={job} />
        <Amount job={job} />
        <Elapsed job={job} />
      </div>
      {open ? <Below id={job.id} /> : null}
    </li>
  );
});

/** What tells it apart from the others: what went wrong, what it was started for, what it does. */
function nameOf({ error, reason, message, id }: JobSummary): string {
  return error ?? reason ?? message ?? `…${id.slice(-8)}`;
}

function Fold({ job, open, toggle }: { job: JobSummary; open: boolean; toggle(): void }) {
  return (
    <button
      type="button"
      className={open ? 'fold open' : 'fold'}
      aria-expanded={open}
      aria-label={`Jobs that “${nameOf(job)}” started`}
      onClick={toggle}
    >
      <RightOutlined aria-hidden />
    </button>
  );
}

/** The next level, read when it is opened. */
function Below({ id }: { id: string }) {
  const { data, error, refetch } = useChildren(id);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <p className="muted below">…</p>;
  if (data.jobs.length === 0) return <p className="muted below">It started no jobs.</p>;
  return <Level parent={id} jobs={data.jobs} more={data.more} />;
}
