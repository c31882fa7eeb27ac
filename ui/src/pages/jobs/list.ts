// The list of jobs: read in pages that hang together by cursor, never counted, never read anew as a whole.

import { type InfiniteData, infiniteQueryOptions, keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { api, unwrap } from '../../api/client';
import { queries } from '../../api/queries';
import type { JobPage, JobSummary } from '../../api/schema';
import type { JobFilter } from './filter';

/** The first page is there at once, the others are as long as the server gives them. */
const FIRST_PAGE = 100;
const NEXT_PAGE = 500;

interface ReadPage extends JobPage {
  filter: JobFilter;
  /** What happened after this moment may not be in it. */
  askedAt: number;
}

/** What is shown: the pages so far as one list. */
export interface Listed {
  filter: JobFilter;
  askedAt: number;
  jobs: readonly JobSummary[];
  /** When each of them was read. */
  readAt: readonly number[];
  /** Where in `jobs` a job is. */
  places: ReadonlyMap<string, number>;
  /** There are older ones that were not read. */
  more: boolean;
  /** The last page ended early: jobs older than this were not searched yet. */
  searchedUntil: string | null;
}

export async function readPage(filter: JobFilter, cursor?: string, signal?: AbortSignal): Promise<ReadPage> {
  const askedAt = Date.now();
  const limit = cursor ? NEXT_PAGE : FIRST_PAGE;
  const page = await unwrap(api.GET('/api/jobs', { params: { query: { ...filter, cursor, limit } }, signal }));
  return { ...page, filter, askedAt };
}

const listQuery = (filter: JobFilter) =>
  infiniteQueryOptions({
    queryKey: ['jobs', filter],
    queryFn: ({ pageParam, signal }) => readPage(filter, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    // Rows are kept true by what is heard live. Reading all pages again would cost as many calls.
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The list of a filter; while it is read for the first time, the one before. */
export function useJobList(filter: JobFilter) {
  const query = useInfiniteQuery({ ...listQuery(filter), placeholderData: keepPreviousData });
  const listed = useMemo(() => query.data && listedOf(query.data), [query.data]);
  const { refetch } = query;
  /** Begins anew with the first page. What is shown stays until that is there. */
  const refresh = useCallback(async () => {
    forgetAllButFirst(filter);
    await refetch();
  }, [filter, refetch]);
  return { query, listed, refresh };
}

export type JobListQuery = ReturnType<typeof useJobList>['query'];

/** Makes the list of a filter be read anew when it is shown. */
export function forget(filter: JobFilter): void {
  queries.removeQueries({ queryKey: listQuery(filter).queryKey, exact: true });
}

function forgetAllButFirst(filter: JobFilter): void {
  queries.setQueryData(listQuery(filter).queryKey, (data) =>
    data ? { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) } : data,
  );
}

function listedOf({ pages }: InfiniteData<ReadPage>): Listed | undefined {
  const first = pages[0];
  if (!first) return undefined;
  const jobs = pages.flatMap((page) => page.jobs);
  return {
    filter: first.filter,
    askedAt: first.askedAt,
    jobs,
    readAt: pages.flatMap((page) => page.jobs.map(() => page.askedAt)),
    places: new Map(jobs.map((job, place) => [job.id, place])),
    more: pages.at(-1)?.next_cursor != null,
    searchedUntil: pages.at(-1)?.searched_until ?? null,
  };
}
