// The newest job that applies, or applied, a plan.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import type { JobDetail, JobSummary } from '../../api/schema';
import { isTerminal } from '../../job/status';
import { store, useLiveJob } from '../../live/live';
import { useRefreshed } from '../../live/refresh';
import { APPLY, planKey } from './usePlans';

/** Of the newest jobs that apply plans: which plan it is stands in their params. */
const LOOKED_AT = 10;

export interface Applied {
  job: JobSummary | undefined;
  running: boolean;
  /** Applies the approved changes; with `pending`, also those that nobody decided on. */
  start(pending: boolean, reason: string | null): Promise<void>;
}

export function useApplied(id: string): Applied {
  const queries = useQueryClient();
  const queryKey = [...planKey(id), 'applied'];
  useRefreshed([queryKey], (job) => job.type === APPLY);
  const { data } = useQuery({ queryKey, queryFn: ({ signal }) => newest(id, signal) });
  const live = useLiveJob(data?.id ?? '', data ?? undefined);
  const job = data ? live : undefined;
  return {
    job,
    running: job !== undefined && !isTerminal(job.status),
    start: async (pending, reason) => {
      const params = { plan_id: id, auto_approve: pending };
      const created = await unwrap(api.POST('/api/jobs', { body: { type: APPLY, params, reason } }));
      store.apply([created]);
      queries.setQueryData(queryKey, created);
    },
  };
}

async function newest(id: string, signal: AbortSignal): Promise<JobSummary | null> {
  const query = { type: [APPLY], limit: LOOKED_AT };
  const { jobs } = await unwrap(api.GET('/api/jobs', { params: { query }, signal }));
  const details = await Promise.all(
    jobs.map((job) => unwrap(api.GET('/api/jobs/{id}', { params: { path: { id: job.id } }, signal })).catch(gone)),
  );
  return details.find((job) => isOf(job, id)) ?? null;
}

/** One that is cleaned up meanwhile is no job of this plan either. */
function gone(): undefined {
  return undefined;
}

function isOf(job: JobDetail | undefined, id: string): boolean {
  const params = job?.params as { plan_id?: unknown } | undefined;
  return params?.plan_id === id;
}
