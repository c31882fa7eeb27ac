// Cancelling and retrying many jobs, and what became of that in words.

import { api, unwrap } from '../../api/client';
import type { BulkCancelled, BulkRequest, BulkRetried } from '../../api/schema';
import { count, plural } from '../../job/words';

export type Act = 'cancel' | 'retry';

export interface Tally {
  /** Cancelled, or done again; in a dry run, what would be. */
  done: number;
  skipped: number;
  /** How many were skipped for which reason. */
  because: Record<string, number>;
  /** There are more: what was done has an end in time or number. */
  more: boolean;
}

/** As many ids as one request may name. */
const IDS = 10_000;

/** Does it, or with `dry_run` says what would be done. */
export async function bulk(act: Act, request: BulkRequest, signal?: AbortSignal): Promise<Tally> {
  let tally: Tally = { done: 0, skipped: 0, because: {}, more: false };
  for (const body of portions(request)) {
    let cursor: string | null = null;
    let asked = 0;
    do {
      const { next, ...part } = await (act === 'cancel' ? cancel : retry)({ ...body, cursor }, signal);
      tally = sum(tally, part);
      cursor = next;
      asked += 1;
      // A count need not be complete: it says `At least`.
    } while (cursor && !(request.dry_run && asked >= COUNTED));
  }
  return tally;
}

/** A dry run asks so often at most: each time takes twenty seconds. */
const COUNTED = 2;

type Part = Tally & { next: string | null };

export function sum(a: Tally, b: Tally): Tally {
  const because = { ...a.because };
  for (const [reason, jobs] of Object.entries(b.because)) because[reason] = (because[reason] ?? 0) + jobs;
  return { done: a.done + b.done, skipped: a.skipped + b.skipped, because, more: b.more };
}

/** What would be done: `12 jobs will be cancelled.` */
export function preview(act: Act, tally: Tally): string {
  const jobs = `${tally.more ? 'At least ' : ''}${plural(tally.done, 'job')}`;
  if (tally.done === 0) return `None of these jobs can be ${act === 'cancel' ? 'cancelled' : 'retried'}.`;
  if (act === 'cancel') return `${jobs} will be cancelled.`;
  return `${jobs} will be run again, each as a new job with the same parameters.`;
}

/** What was done: `12 jobs cancelled`. */
export function outcome(act: Act, tally: Tally): string {
  return `${plural(tally.done, 'job')} ${act === 'cancel' ? 'cancelled' : 'retried'}`;
}

/** `3 left out: 2 have not ended, or are gone; 1 has a type that is not known here`; nothing when none were. */
export function leftOut(act: Act, tally: Tally): string | undefined {
  if (tally.skipped === 0) return undefined;
  if (act === 'cancel') return `${count(tally.skipped)} left out: they have ended, or were asked to stop before`;
  const reasons = Object.entries(tally.because).map(([reason, jobs]) => `${count(jobs)} ${REASONS[reason] ?? reason}`);
  return `${count(tally.skipped)} left out: ${reasons.join('; ')}`;
}

const REASONS: Record<string, string> = {
  not_found: 'not ended yet, or gone',
  exclusive_job_active: 'of a type of which one job at a time may wait or run',
  unknown_job_type: 'of a type that this server does not know',
  invalid_params: 'with parameters that are no longer valid',
};

function portions(request: BulkRequest): BulkRequest[] {
  const { ids } = request;
  if (!ids || ids.length <= IDS) return [request];
  const parts = Math.ceil(ids.length / IDS);
  return Array.from({ length: parts }, (_, n) => ({ ...request, ids: ids.slice(n * IDS, (n + 1) * IDS) }));
}

async function cancel(body: BulkRequest, signal?: AbortSignal): Promise<Part> {
  const answer: BulkCancelled = await unwrap(api.POST('/api/jobs/cancel', { body, signal }));
  return { done: answer.cancelled, skipped: answer.skipped, because: {}, more: answer.more, next: answer.next_cursor };
}

async function retry(body: BulkRequest, signal?: AbortSignal): Promise<Part> {
  const answer: BulkRetried = await unwrap(api.POST('/api/jobs/retry', { body, signal }));
  const { retried: done, skipped, skipped_because: because, more, next_cursor: next } = answer;
  return { done, skipped, because, more, next };
}
