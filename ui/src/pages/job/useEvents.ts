// What happened to a job, page by page.

import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import { jobQuery } from '../../api/queries';
import type { JobSummary } from '../../api/schema';
import { useCaughtUp } from '../../live/live';

const PAGE = 200;

/** `job` as it is now: its events are read anew when there are others. */
export function useEvents(job: JobSummary) {
  const id = job.id;
  // Every event comes with a change of one of these.
  const state = [job.status, job.attempt, job.failures, job.interruptions, Object.keys(job.cancel ?? {}).length];
  const query = useInfiniteQuery({
    queryKey: [...jobQuery(id).queryKey, 'events', ...state],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(pageParam === null ? {} : { after: pageParam }) };
      return unwrap(api.GET('/api/jobs/{id}/events', { params: { path: { id }, query }, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.more ? page.next : undefined),
    placeholderData: keepPreviousData,
  });
  useCaughtUp(() => void query.refetch());
  return query;
}
