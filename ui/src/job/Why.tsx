// Why a job waits, in the server's words.

import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { Explanation, JobSummary } from '../api/schema';

/** Others take slots and give them back: a reason changes without the job. */
const EVERY_MS = 5_000;

/** What the server says of why the job does not run, or what it does; undefined until it has. */
export function useExplanation(job: Pick<JobSummary, 'id' | 'status'>): Explanation | undefined {
  const { id, status } = job;
  const { data } = useQuery({
    queryKey: ['explain', id, status],
    queryFn: async ({ signal }) => unwrap(api.GET('/api/jobs/{id}/explain', { params: { path: { id } }, signal })),
    refetchInterval: status === 'pending' ? EVERY_MS : false,
  });
  return data;
}

export function Why({ job }: { job: JobSummary }) {
  const explanation = useExplanation(job);
  return explanation?.sentence ?? job.message ?? 'Waits';
}
