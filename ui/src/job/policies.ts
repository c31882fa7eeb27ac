// What a job type says of its jobs beyond its slots, in words: only what is set.

import type { JobType } from '../api/schema';
import { duration, plural, ticking } from './words';

type Policies = Pick<JobType, 'admission' | 'in_cluster' | 'rate_limit' | 'retry' | 'timeout_seconds'>;

export function policiesOf({ admission, in_cluster, rate_limit, retry, timeout_seconds }: Policies): string[] {
  const said: string[] = [];
  // The other admissions say it themselves.
  if (admission === 'per_node' && in_cluster) said.push(`at most ${in_cluster} at a time in the whole cluster`);
  if (rate_limit) said.push(`at most ${plural(rate_limit.starts, 'start')} in ${span(rate_limit.period_seconds)}`);
  if (retry) said.push(retries(retry));
  if (timeout_seconds) said.push(`stopped and failed after ${span(timeout_seconds)}`);
  return said;
}

function retries({
  retries: n,
  first_pause_seconds: first,
  longest_pause_seconds: longest,
}: NonNullable<JobType['retry']>) {
  const grows = n > 1 && longest > first ? `, then twice as long each time, up to ${span(longest)}` : '';
  return `${plural(n, 'retry', 'retries')} after a failure, the first within ${span(first)}${grows}`;
}

/** `2 s` rather than `2.0 s`: these are given, not measured. */
function span(seconds: number): string {
  return Number.isInteger(seconds) ? ticking(seconds * 1_000) : duration(seconds * 1_000);
}
