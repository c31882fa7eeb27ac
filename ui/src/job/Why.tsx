// Why a job waits, in the server's words.

import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { JobSummary } from '../api/schema';

/** Others take slots and give them back: a reason changes without the job. */
const EVERY_MS = 5_000;

/** For jobs that are pending. */
export function Why({ job: { id, attempt, message } }: { job: JobSummary }) {
  const { data } = useQuery({
    queryKey: ['explain', id, attempt],
    queryFn: async ({ signal }) => unwrap(api.GET('/api/jobs/{id}/explain', { params: { path: { id } }, signal })),
    refetchInterval: EVERY_MS,
  });
  return data?.sentence ?? message ?? 'Waits';
}
