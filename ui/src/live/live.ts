// What this tab knows live, and the hooks by which pages see it.

import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { api, Problem, unwrap } from '../api/client';
import type { JobSummary, Status } from '../api/schema';
import { ACTIVE } from '../job/status';
import { LiveConnection, type LiveState } from './connection';
import { JobStore } from './store';

/** As many as a snapshot has. */
const POLLED = 200;
/** Single jobs that are asked for at the same time. */
const ASKED_AT_ONCE = 20;

export const store = new JobStore();

export const connection = new LiveConnection(
  store,
  {
    newest: async () => (await Promise.all([page({ status: ACTIVE }), page({})])).flat(),
    jobs: async (ids) => {
      const jobs: (JobSummary | undefined)[] = [];
      for (let from = 0; from < ids.length; from += ASKED_AT_ONCE) {
        jobs.push(...(await Promise.all(ids.slice(from, from + ASKED_AT_ONCE).map(jobOrNothing))));
      }
      return jobs.filter((job) => job !== undefined);
    },
  },
  () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/jobs/ws`,
);

async function page(filter: { status?: Status[] }): Promise<JobSummary[]> {
  return (await unwrap(api.GET('/api/jobs', { params: { query: { ...filter, limit: POLLED } } }))).jobs;
}

async function jobOrNothing(id: string): Promise<JobSummary | undefined> {
  try {
    return await unwrap(api.GET('/api/jobs/{id}', { params: { path: { id } } }));
  } catch (error) {
    if (error instanceof Problem && error.code === 'unknown_job') return undefined;
    throw error;
  }
}

/** Whether the page is live, and since when it is as it is. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(connection.subscribe, connection.getState);
}

/** The newest state of a job: what is heard live, or what the caller read, whichever is newer. */
export function useLiveJob<J extends JobSummary | undefined>(id: string, read: J): J | JobSummary {
  const subscribe = useCallback((listener: () => void) => store.onJob(id, listener), [id]);
  const held = useSyncExternalStore(subscribe, () => store.get(id));
  if (!held) return read;
  return read && read.rev >= held.rev ? read : held;
}

/** What runs now, oldest start first. */
export function useRunningJobs(): readonly JobSummary[] {
  return useSyncExternalStore(
    useCallback((listener: () => void) => store.onRunning(listener), []),
    () => store.running(),
  );
}

/** Calls back with the jobs that changed, at most once per frame. */
export function useJobChanges(onChange: (jobs: JobSummary[]) => void): void {
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => store.onChanges((jobs) => latest.current(jobs)), []);
}

/** Calls back when something may have gone unheard: what is not told live has to be read anew. */
export function useCaughtUp(onCaughtUp: () => void): void {
  const latest = useRef(onCaughtUp);
  useEffect(() => {
    latest.current = onCaughtUp;
  });
  useEffect(() => connection.onCaughtUp(() => latest.current()), []);
}
