// The job that builds a plan, as it goes on.

import { useQuery } from '@tanstack/react-query';
import { jobQuery } from '../../api/queries';
import type { Plan } from '../../api/schema';
import { JobLine } from '../../job/JobLine';
import { useLiveJob } from '../../live/live';

export function Building({ plan: { job_id } }: { plan: Plan }) {
  const { data } = useQuery(jobQuery(job_id));
  const job = useLiveJob(job_id, data);
  return job ? <JobLine job={job} /> : null;
}
