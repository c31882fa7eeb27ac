// A line of a schedule's history with its job as it is now: heard live, it is newer than what was read.

import type { ScheduleRun } from '../../api/schema';
import { useLiveJob } from '../../live/live';
import { madeJob } from './runs';

export function useRunState(run: ScheduleRun): ScheduleRun {
  const job = useLiveJob(run.job_id ?? '', undefined);
  return job && madeJob(run) ? { ...run, job_status: job.status } : run;
}
