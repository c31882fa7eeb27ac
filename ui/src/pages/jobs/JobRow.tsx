// One job of the list, always in its newest state.

import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import type { JobSummary } from '../../api/schema';
import { Amount, Bar } from '../../job/Bar';
import { By } from '../../job/By';
import { Left } from '../../job/Pace';
import { waitsForRetry } from '../../job/retry';
import { StatusTag, TypeTag } from '../../job/tags';
import { Elapsed, RetryIn, When } from '../../job/times';
import { useLiveJob } from '../../live/live';

interface JobRowProps {
  /** As it was read, or heard since. */
  read: JobSummary;
  place: number;
  selected: boolean;
  /** The row at which the keyboard is. */
  current: boolean;
  pick(id: string, range: boolean): void;
}

export const JobRow = memo(function JobRow({ read, place, selected, current, pick }: JobRowProps) {
  const job = useLiveJob(read.id, read);
  return (
    <tr
      className="job-row"
      data-id={job.id}
      aria-rowindex={place + 2}
      aria-selected={selected}
      tabIndex={current ? 0 : -1}
    >
      <td className="c-pick">
        <label>
          <span className="hidden-label">Select</span>
          <input
            type="checkbox"
            checked={selected}
            tabIndex={-1}
            onChange={(event) => pick(job.id, (event.nativeEvent as MouseEvent).shiftKey)}
          />
        </label>
      </td>
      <td className="c-type">
        <Link to="/jobs/$id" params={{ id: job.id }} tabIndex={-1} preload={false}>
          {job.parent_id ? (
            <span className="child-mark" title="Started by another job" role="img" aria-label="child job">
              ↳
            </span>
          ) : null}
          <TypeTag type={job.type} />
        </Link>
      </td>
      <td className="c-status">
        <StatusTag job={job} />
      </td>
      <td className="c-progress">
        <Bar job={job} />
        <Amount job={job} />
      </td>
      <td className="c-message">
        <Said job={job} />
      </td>
      <td className="c-by" title={job.created_by}>
        <By job={job} tabIndex={-1} />
      </td>
      <td className="c-created">
        <When at={job.created_at} />
      </td>
      <td className="c-took">
        <Elapsed job={job} />
        <span className="left">
          <Left job={job} />
        </span>
      </td>
    </tr>
  );
});

/** Why it failed and when it is tried again, or the last it said. The whole text is in the title. */
function Said({ job }: { job: JobSummary }) {
  const text = job.error ?? job.message;
  if (!text) return null;
  return (
    <span className={job.error ? 'said wrong' : 'said'} title={text}>
      {waitsForRetry(job) ? (
        <>
          Retry <RetryIn job={job} />:{' '}
        </>
      ) : null}
      {text}
    </span>
  );
}
