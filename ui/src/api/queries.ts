// What is read from the server and kept for a while, for all pages: one key and one reader each.

import { QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import { api, Problem, unwrap } from './client';
import type { JobType } from './schema';

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server refused it refuses again. One that does not answer may be on its way back.
      retry: (failures, error) => error instanceof Problem && error.code === 'unreachable' && failures < 30,
      retryDelay: (failures) => Math.min(250 * 2 ** failures, 1_500),
      // A browser's idea of the network says nothing about a server on this machine.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

export const jobTypesQuery = queryOptions({
  queryKey: ['job-types'],
  queryFn: async ({ signal }) => (await unwrap(api.GET('/api/job-types', { signal }))).job_types,
  staleTime: 30_000,
});

/** All job types, in the server's order; undefined until they are known. */
export function useJobTypes(): JobType[] | undefined {
  return useQuery(jobTypesQuery).data;
}

/** A job type; undefined while it is not known, and for one that this server does not have. */
export function useJobType(type: string): JobType | undefined {
  return useJobTypes()?.find((known) => known.type === type);
}

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ['job', id],
    queryFn: async ({ signal }) => unwrap(api.GET('/api/jobs/{id}', { params: { path: { id } }, signal })),
  });

export const statsQuery = (minutes: number) =>
  queryOptions({
    queryKey: ['stats', minutes],
    queryFn: async ({ signal }) => unwrap(api.GET('/api/stats', { params: { query: { minutes } }, signal })),
  });

export const readyQuery = queryOptions({
  queryKey: ['ready'],
  queryFn: async ({ signal }) => {
    const { data, error } = await api.GET('/health/ready', { signal });
    return data ?? error; // the same body: a server that is not ready answers 503
  },
  retry: false,
});

export const nodesQuery = queryOptions({
  queryKey: ['nodes'],
  queryFn: async ({ signal }) => unwrap(api.GET('/api/nodes', { signal })),
});

export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: async ({ signal }) => unwrap(api.GET('/api/settings', { signal })),
});

export const schedulesQuery = queryOptions({
  queryKey: ['schedules', 'all'],
  queryFn: async ({ signal }) => (await unwrap(api.GET('/api/schedules', { signal }))).schedules,
});

/** Of one; the keys of its runs begin with this. */
export const scheduleQuery = (id: string) =>
  queryOptions({
    queryKey: ['schedules', id],
    queryFn: async ({ signal }) => unwrap(api.GET('/api/schedules/{id}', { params: { path: { id } }, signal })),
  });
