// What happened to a job, page by page. Read again when the job changes its state.

import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, unwrap } from '../../api/client';
import type { JobSummary } from '../../api/schema';
import { useCaughtUp } from '../../live/live';

const PAGE = 200;

export function useEvents(job: JobSummary) {
  const id = job.id;
  const queries = useQueryClient();
  const query = useInfiniteQuery({
    queryKey: ['job', id, 'events'],
    queryFn: async ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/jobs/{id}/events', {
          params: { path: { id }, query: { limit: PAGE, ...(pageParam === null ? {} : { after: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.more ? page.next : undefined),
  });

  // Every event comes with a change of one of these.
  const state = `${job.status} ${job.attempt} ${job.interruptions} ${Object.keys(job.cancel ?? {}).length}`;
  useEffect(() => {
    if (state) void queries.invalidateQueries({ queryKey: ['job', id, 'events'] });
  }, [queries, id, state]);
  useCaughtUp(() => void query.refetch());
  return query;
}
