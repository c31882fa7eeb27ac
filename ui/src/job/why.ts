// Why a job waits, in words. The server's own, but for those that tell a time: here it ticks, on the viewer's clock.

import type { Explanation, JobSummary } from '../api/schema';
import { retryIn, whichRetry } from './retry';
import { capital, clock, date, ticking } from './words';

type Waiting = Pick<JobSummary, 'attempt' | 'failures' | 'max_retries' | 'run_at'>;

/** `label` is what people call its type. */
export function whyInWords(explanation: Explanation, job: Waiting, label: string, now: number): string {
  const { code, run_at, rate_until, ahead = 0, sentence } = explanation;
  const paused = explanation.paused ? ` ${label} is paused.` : '';
  if (code === 'scheduled' && run_at) return `Waits until ${moment(run_at, now)}.${paused}`;
  if (code === 'retry_at') {
    return `Attempt ${job.attempt} failed. ${capital(whichRetry(job))} is ${dueIn(job, now)}.${paused}`;
  }
  if (code === 'rate_limited' && rate_until) {
    const first = ahead === 0 ? 'it is the next' : `${ahead === 1 ? '1 job comes' : `${ahead} jobs come`} first`;
    return `The rate limit of ${label} lets the next start at ${moment(rate_until, now)}; ${first}.`;
  }
  return sentence;
}

function dueIn(job: Waiting, now: number): string {
  const when = retryIn(job, now);
  return when === 'due' ? 'due' : `due ${when}`;
}

/** `14:03:09 (in 20 s)`. */
function moment(at: string, now: number): string {
  const then = Date.parse(at);
  const time = date(then) === date(now) ? clock(then) : `${date(then)} ${clock(then)}`;
  return `${time} (in ${ticking(then - now)})`;
}
