// A job with everything: its row as it was read, and over it what is heard live.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Problem } from '../../api/client';
import { jobQuery } from '../../api/queries';
import type { JobDetail } from '../../api/schema';
import { useLiveJob } from '../../live/live';
import { useRefreshed } from '../../live/refresh';

interface Read {
  /** What was read. Its summary may be old: use `job` for that. */
  detail: JobDetail | undefined;
  job: ReturnType<typeof useLiveJob<JobDetail | undefined>>;
  error: Error | null;
  /** There is no such job, or no more. */
  gone: boolean;
  again(): void;
}

export function useJob(id: string): Read {
  const queries = useQueryClient();
  const { data: detail, error, refetch } = useQuery(jobQuery(id));
  const job = useLiveJob(id, detail);

  // What is not told live (result, links) changes with the state only.
  const state = job && `${job.status} ${job.attempt}`;
  const known = detail && `${detail.status} ${detail.attempt}`;
  useEffect(() => {
    if (state && known && state !== known) void queries.invalidateQueries(jobQuery(id));
  }, [queries, id, state, known]);
  // A job that is gone may be this one; one that is new may be this one's retry, or the first that it started: those after it are
  // heard of where they are shown.
  const childless = detail?.children.length === 0;
  useRefreshed([jobQuery(id).queryKey], (other) => other.retry_of === id || (childless && other.parent_id === id));

  const gone = error instanceof Problem && (error.code === 'unknown_job' || error.code === 'invalid_path');
  return { detail, job, error, gone, again: () => void refetch() };
}
