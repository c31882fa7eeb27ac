// The schedules and what is done with them.

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import { scheduleQuery, schedulesQuery } from '../../api/queries';
import type { JobSummary, Schedule } from '../../api/schema';
import { store } from '../../live/live';
import { useRefreshed } from '../../live/refresh';

/** What no job tells of: a due time that was skipped or missed, a schedule that somebody changed. */
const EVERY_MS = 10_000;
const PAGE = 50;

const isScheduled = (job: JobSummary) => job.schedule_id !== null;

export function useSchedules() {
  useRefreshed([schedulesQuery.queryKey], isScheduled);
  return useQuery({ ...schedulesQuery, refetchInterval: EVERY_MS });
}

export function useSchedule(id: string) {
  const query = scheduleQuery(id);
  useRefreshed([query.queryKey], (job) => job.schedule_id === id);
  return useQuery({ ...query, refetchInterval: EVERY_MS });
}

/** The newest lines of its history, kept true. */
export function useNewestRuns(id: string, limit: number, enabled: boolean) {
  const queryKey = [...scheduleQuery(id).queryKey, 'newest', limit];
  useRefreshed([queryKey], (job) => job.schedule_id === id);
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET('/api/schedules/{id}/runs', { params: { path: { id }, query: { limit } }, signal }))).runs,
    enabled,
    refetchInterval: EVERY_MS,
  });
}

/** Its history, page by page, the newest first. */
export function useRuns(id: string) {
  return useInfiniteQuery({
    queryKey: [...scheduleQuery(id).queryKey, 'runs'],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(pageParam === null ? {} : { before: pageParam }) };
      return unwrap(api.GET('/api/schedules/{id}/runs', { params: { path: { id }, query }, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: EVERY_MS,
  });
}

/** Takes in a schedule as it is now. */
export function useTakeIn() {
  const queries = useQueryClient();
  return (schedule: Schedule) => {
    queries.setQueryData(scheduleQuery(schedule.id).queryKey, schedule);
    queries.setQueryData(schedulesQuery.queryKey, (all) =>
      all?.map((known) => (known.id === schedule.id ? schedule : known)),
    );
    void queries.invalidateQueries({ queryKey: schedulesQuery.queryKey });
  };
}

export function useSwitch({ id }: Schedule) {
  const takeIn = useTakeIn();
  return useMutation({
    mutationFn: async (on: boolean) => {
      const params = { path: { id } };
      const call = on
        ? api.POST('/api/schedules/{id}/enable', { params })
        : api.POST('/api/schedules/{id}/disable', { params });
      takeIn(await unwrap(call));
    },
  });
}

/** Has it make a job at once; brings the job. */
export function useRunNow({ id }: Schedule) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const job = await unwrap(api.POST('/api/schedules/{id}/run', { params: { path: { id } } }));
      store.apply([job]);
      void queries.invalidateQueries({ queryKey: schedulesQuery.queryKey });
      return job;
    },
  });
}

export function useDelete({ id }: Schedule) {
  const queries = useQueryClient();
  return async (reason: string | null) => {
    await unwrap(api.DELETE('/api/schedules/{id}', { params: { path: { id } }, body: { reason } }));
    queries.setQueryData(schedulesQuery.queryKey, (all) => all?.filter((known) => known.id !== id));
    queries.removeQueries({ queryKey: scheduleQuery(id).queryKey, exact: true });
  };
}
