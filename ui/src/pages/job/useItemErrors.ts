// The items of a job that failed, page by page, found by the server.

import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import { jobQuery } from '../../api/queries';
import type { JobSummary } from '../../api/schema';

const PAGE = 500;

/** `job` as it is now: its item errors are read anew when there are others. */
export function useItemErrors(job: JobSummary, q: string) {
  return useInfiniteQuery({
    queryKey: [...jobQuery(job.id).queryKey, 'item-errors', q, job.attempt, job.error_count],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(q ? { q } : {}), ...(pageParam === null ? {} : { after: pageParam }) };
      return unwrap(api.GET('/api/jobs/{id}/item-errors', { params: { path: { id: job.id }, query }, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.more ? page.next : undefined),
    placeholderData: keepPreviousData,
  });
}
