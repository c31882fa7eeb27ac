// What was synced, read page by page, and again when a job that changes it begins or ends.

import { keepPreviousData, queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import type { EntityRow, JobSummary, Kind, SceneRow } from '../../api/schema';
import { useRunningJobs } from '../../live/live';
import { useRefreshed } from '../../live/refresh';
import type { LibrarySearch } from './search';

const FIRST_PAGE = 50;
const NEXT_PAGE = 200;
/** How often counts are read while they grow. */
const GROWING_MS = 2_000;

export const SYNC = 'sync';
/** What writes the library. */
const WRITERS = [SYNC, 'sync_scenes', 'remove_orphaned_entities'];

const isWriter = ({ type }: JobSummary) => WRITERS.includes(type);

export type Entities = Exclude<Kind, 'scenes'>;

/** Counts, and how far each kind was synced. */
export function useOverview() {
  const growing = useRunningJobs().some(isWriter);
  useRefreshed([['library']], isWriter);
  return useQuery({
    queryKey: ['library', 'overview'],
    queryFn: async ({ signal }) => (await unwrap(api.GET('/api/library', { signal }))).kinds,
    refetchInterval: growing ? GROWING_MS : false,
  });
}

interface Page<R> {
  rows: R[];
  next: string | undefined;
}

/** Pages hang together by cursor; the list before stays until the new one is there. */
function usePages<R>(key: readonly unknown[], read: (page: Asked, signal: AbortSignal) => Promise<Page<R>>) {
  return useInfiniteQuery({
    queryKey: ['library', ...key],
    queryFn: ({ pageParam, signal }) =>
      read(pageParam ? { cursor: pageParam, limit: NEXT_PAGE } : { limit: FIRST_PAGE }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

interface Asked {
  cursor?: string;
  limit: number;
}

export type Pages<R> = ReturnType<typeof usePages<R>>;

/** The one that changed last first. */
export function useScenes({ q, performer, tag, studio }: LibrarySearch): Pages<SceneRow> {
  const filter = {
    ...(q ? { q } : {}),
    ...(performer ? { performer } : {}),
    ...(tag ? { tag } : {}),
    ...(studio ? { studio } : {}),
  };
  return usePages(['scenes', filter], async (page, signal) => {
    const found = await unwrap(api.GET('/api/library/scenes', { params: { query: { ...filter, ...page } }, signal }));
    return { rows: found.scenes, next: found.next_cursor ?? undefined };
  });
}

/** By name. */
export function useEntities(kind: Entities, q: string | undefined): Pages<EntityRow> {
  return usePages([kind, q ?? ''], async (page, signal) => {
    const query = { ...(q ? { q } : {}), ...page };
    const found = await unwrap(api.GET('/api/library/{kind}', { params: { path: { kind }, query }, signal }));
    return { rows: found.items, next: found.next_cursor ?? undefined };
  });
}

export const sceneQuery = (id: string) =>
  queryOptions({
    queryKey: ['library', 'scene', id],
    queryFn: async ({ signal }) => unwrap(api.GET('/api/library/scenes/{id}', { params: { path: { id } }, signal })),
  });

export const entityQuery = (kind: Entities, id: string) =>
  queryOptions({
    queryKey: ['library', 'entity', kind, id],
    queryFn: async ({ signal }) =>
      unwrap(api.GET('/api/library/{kind}/{id}', { params: { path: { kind, id } }, signal })),
  });
