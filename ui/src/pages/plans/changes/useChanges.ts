// The changes of a plan that fit a filter, page by page; and those that are pending, to be decided on together.

import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../../api/client';
import type { ChangeField, PlanChange } from '../../../api/schema';
import type { ChangeFilter } from '../filter';
import { planKey } from '../usePlans';

const FIRST_PAGE = 100;
const NEXT_PAGE = 300;
/** As many as the server takes, and decides on, at once. */
const LARGEST_PAGE = 500;
const AT_ONCE = 10_000;
const GROWING_MS = 3_000;

export const changesKey = (id: string) => [...planKey(id), 'changes'] as const;
export const pendingKey = (id: string) => [...planKey(id), 'pending'] as const;

/** `growing`: a job is still finding some. */
export function useChanges(id: string, filter: ChangeFilter, growing: boolean) {
  return useInfiniteQuery({
    queryKey: [...changesKey(id), filter],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        ...filter,
        limit: pageParam ? NEXT_PAGE : FIRST_PAGE,
        ...(pageParam ? { cursor: pageParam } : {}),
      };
      return unwrap(api.GET('/api/plans/{id}/changes', { params: { path: { id }, query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: growing ? GROWING_MS : false,
    // Decisions are taken in as they are made; what a job does is read when it ends.
    staleTime: 60_000,
  });
}

export type Pending = Pick<PlanChange, 'id' | 'confidence'>;

/** All that nobody has decided on, of these fields; the first ten thousand of more. */
export function usePending(id: string, field: ChangeField[] | undefined, known: number) {
  return useQuery({
    queryKey: [...pendingKey(id), field ?? []],
    queryFn: ({ signal }) => readPending(id, field, signal),
    enabled: known > 0,
    staleTime: 60_000,
  });
}

async function readPending(id: string, field: ChangeField[] | undefined, signal: AbortSignal): Promise<Pending[]> {
  const found: Pending[] = [];
  let cursor: string | undefined;
  do {
    const query = {
      status: ['pending' as const],
      limit: LARGEST_PAGE,
      ...(field ? { field } : {}),
      ...(cursor ? { cursor } : {}),
    };
    const page = await unwrap(api.GET('/api/plans/{id}/changes', { params: { path: { id }, query }, signal }));
    found.push(...page.changes.map(({ id, confidence }) => ({ id, confidence })));
    cursor = page.next_cursor ?? undefined;
  } while (cursor && found.length < AT_ONCE);
  return found;
}
