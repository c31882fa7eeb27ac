// Who triggered a job: a name, or the job or the schedule that did, as a link.

import { Link } from '@tanstack/react-router';
import type { JobSummary } from '../api/schema';
import { byWhom } from './words';

/** `tabIndex` is for lists that have a way of their own to go through them. */
export function By({ job, tabIndex }: { job: JobSummary; tabIndex?: number }) {
  const words = byWhom(job.created_by);
  const keys = tabIndex === undefined ? {} : { tabIndex };
  if (job.parent_id && job.created_by.startsWith('job:')) {
    return (
      <Link to="/jobs/$id" params={{ id: job.parent_id }} preload={false} {...keys}>
        {words}
      </Link>
    );
  }
  if (job.schedule_id && job.created_by.startsWith('schedule:')) {
    return (
      <Link to="/schedules/$id" params={{ id: job.schedule_id }} preload={false} {...keys}>
        {words}
      </Link>
    );
  }
  return words;
}
