// Why a job waits.

import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import { useJobType } from '../api/queries';
import type { Explanation, JobSummary } from '../api/schema';
import { useNow } from '../live/now';
import { whyInWords } from './why';

/** Others take slots and give them back: a reason changes without the job. */
const EVERY_MS = 5_000;

/** The server's explanation of a job that is pending, as long as it is. */
export function useExplanation({ id, attempt, failures }: JobSummary): Explanation | undefined {
  return useQuery({
    queryKey: ['explain', id, attempt, failures],
    queryFn: async ({ signal }) => unwrap(api.GET('/api/jobs/{id}/explain', { params: { path: { id } }, signal })),
    refetchInterval: EVERY_MS,
  }).data;
}

/** For jobs that are pending. */
export function Why({ job }: { job: JobSummary }) {
  const explanation = useExplanation(job);
  const label = useJobType(job.type)?.label ?? job.type;
  const now = useNow();
  return explanation ? whyInWords(explanation, job, label, now) : (job.message ?? 'Waits');
}
