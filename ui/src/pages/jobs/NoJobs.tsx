// A list without jobs, and what to do about it.

import { Link } from '@tanstack/react-router';
import { Empty } from '../../app/Empty';
import { isEmpty, type JobFilter } from './filter';
import { forget } from './list';

export function NoJobs({ filter }: { filter: JobFilter }) {
  if (isEmpty(filter)) {
    return (
      <Empty title="There are no jobs yet">
        <Link to="/run">Run a job</Link>, and it is shown here while it works and when it is done.
      </Empty>
    );
  }
  return (
    <Empty title="No job matches">
      Change the filter, or{' '}
      <Link to="/jobs" search={{}} onClick={() => forget({})}>
        clear it
      </Link>{' '}
      to see all jobs.
    </Empty>
  );
}
