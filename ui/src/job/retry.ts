// A job of which an attempt failed and which waits for the next one.

import type { JobSummary } from '../api/schema';
import { ticking } from './words';

type Retried = Pick<JobSummary, 'status' | 'failures' | 'max_retries' | 'run_at'>;

export function waitsForRetry(job: Pick<JobSummary, 'status' | 'failures'>): boolean {
  return job.status === 'pending' && job.failures > 0;
}

/** `retry 1 of 3`. */
export function whichRetry({ failures, max_retries }: Pick<Retried, 'failures' | 'max_retries'>): string {
  return `retry ${failures} of ${max_retries}`;
}

/** `in 20 s`, or that it is due. */
export function retryIn({ run_at }: Pick<Retried, 'run_at'>, now: number): string {
  const left = Date.parse(run_at) - now;
  return left > 0 ? `in ${ticking(Math.ceil(left / 1_000) * 1_000)}` : 'due';
}
