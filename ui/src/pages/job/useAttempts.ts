// The attempts of a job, page by page, the newest first.

import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import { jobQuery } from '../../api/queries';
import type { JobSummary } from '../../api/schema';
import { useCaughtUp } from '../../live/live';

const PAGE = 50;

/** `job` as it is now: its attempts are read anew when one begins or ends. */
export function useAttempts(job: JobSummary) {
  const id = job.id;
  const query = useInfiniteQuery({
    queryKey: [...jobQuery(id).queryKey, 'attempts', job.status, job.attempt, job.failures, job.interruptions],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(pageParam === null ? {} : { before: pageParam }) };
      return unwrap(api.GET('/api/jobs/{id}/attempts', { params: { path: { id }, query }, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.prev ?? undefined,
    placeholderData: keepPreviousData,
  });
  useCaughtUp(() => void query.refetch());
  return query;
}
