// The unfinished jobs of a type, live.

import { type QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import type { JobSummary, JobType } from '../../api/schema';
import { isTerminal, STATUSES } from '../../job/status';
import { useRefreshed } from '../../live/refresh';

/** As many as have to be told apart: none, one, several. */
const ASKED = 50;
const UNFINISHED = STATUSES.filter((status) => !isTerminal(status));
const NONE: JobSummary[] = [];

const unfinishedQuery = (type: string) =>
  queryOptions({
    queryKey: ['unfinished', type],
    queryFn: async ({ signal }) => {
      const query = { type: [type], status: UNFINISHED, limit: ASKED };
      return (await unwrap(api.GET('/api/jobs', { params: { query }, signal }))).jobs.toReversed();
    },
    staleTime: 0,
  });

/** Oldest first. Asked for only where it matters: for types whose jobs exclude each other. */
export function useUnfinished({ type, admission }: JobType): JobSummary[] {
  const query = unfinishedQuery(type);
  useRefreshed([query.queryKey], (job) => job.type === type);
  return useQuery({ ...query, enabled: admission !== 'per_node' }).data ?? NONE;
}

/** Takes in a job that stands in the way. */
export function noteUnfinished(queries: QueryClient, job: JobSummary): void {
  const { queryKey } = unfinishedQuery(job.type);
  queries.setQueryData(queryKey, (before = NONE) => [job, ...before.filter((other) => other.id !== job.id)]);
  void queries.invalidateQueries({ queryKey });
}
