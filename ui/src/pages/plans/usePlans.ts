// The plans, read and kept true while their jobs move.

import { queryOptions, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import type { JobSummary, Plan } from '../../api/schema';
import { useRefreshed } from '../../live/refresh';

const PAGE = 50;
/** How often counts are read that a job is changing. */
const MOVING_MS = 2_000;

/** What applies a plan. */
export const APPLY = 'apply_plan';
/** What builds one. */
const BUILDERS = ['analysis', 'non_ai_analysis'];

const LIST = ['plans', 'list'] as const;

export const planKey = (id: string) => ['plans', id] as const;

export const planQuery = (id: string) =>
  queryOptions({
    queryKey: planKey(id),
    queryFn: async ({ signal }) => unwrap(api.GET('/api/plans/{id}', { params: { path: { id } }, signal })),
  });

/** The newest first, page by page. */
export function usePlans() {
  useRefreshed([LIST], (job) => job.type === APPLY || BUILDERS.includes(job.type));
  return useInfiniteQuery({
    queryKey: LIST,
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) };
      return unwrap(api.GET('/api/plans', { params: { query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ plans }) => plans.some(({ status }) => status === 'building')) ? MOVING_MS : false,
  });
}

/** One plan; with its changes and what is read of them, anew when its jobs begin or end. */
export function usePlan(id: string, applying: boolean) {
  const queries = useQueryClient();
  const concerns = (job: JobSummary) => {
    const plan = queries.getQueryData(planQuery(id).queryKey);
    return job.type === APPLY || job.id === plan?.job_id;
  };
  useRefreshed([planKey(id)], concerns);
  return useQuery({
    ...planQuery(id),
    refetchInterval: ({ state }) => (applying || state.data?.status === 'building' ? MOVING_MS : false),
  });
}

/** Takes in what became of a plan. */
export function useTakeIn() {
  const queries = useQueryClient();
  return (id: string, part: Partial<Plan>) => {
    queries.setQueryData(planQuery(id).queryKey, (plan) => (plan ? { ...plan, ...part } : plan));
    void queries.invalidateQueries({ queryKey: LIST });
  };
}

export function useDelete(id: string) {
  const queries = useQueryClient();
  return async (reason: string | null) => {
    await unwrap(api.DELETE('/api/plans/{id}', { params: { path: { id } }, body: { reason } }));
    queries.removeQueries({ queryKey: planKey(id) });
    await queries.invalidateQueries({ queryKey: LIST });
  };
}
