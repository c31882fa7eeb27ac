// The cancel ladder, rung by rung: those that were reached, and the one that comes next. The command line has the same words.

import type { CancelLadder, JobType } from '../../api/schema';
import { ticking } from '../../job/words';

export interface Rung {
  title: string;
  /** When it was reached; the next rung has none. */
  at?: string;
  note?: string;
  /** `next` is waited for, `forced` was not the job's own doing. */
  state: 'reached' | 'forced' | 'next';
}

type Limits = Pick<JobType, 'cancel_grace_seconds' | 'timeout_seconds'>;

/** How long an aborted handler may still block its thread until it is left behind. */
const ABANDONED_AFTER_SECONDS = 5;

/** Whether nobody asked but the job's type, as it ran for longer than it may. */
export function isTimeout(ladder: CancelLadder): boolean {
  return ladder.requested_by === 'timeout' && ladder.reason === 'timeout';
}

/** `limits` are those of the type, where this server knows it. */
export function rungs(ladder: CancelLadder, limits: Limits | undefined): Rung[] {
  const { delivered_at, aborted_at, abandoned_at, stopped_at } = ladder;
  const all: Rung[] = [first(ladder, limits)];
  if (delivered_at) {
    all.push({ title: 'Its runner heard', at: delivered_at, note: 'the job may now stop by itself', state: 'reached' });
  }
  if (aborted_at) {
    const note = 'it did not stop in time, so it is dropped at its next await';
    all.push({ title: 'Aborted', at: aborted_at, note, state: 'forced' });
  }
  if (abandoned_at) {
    const note = 'it still blocks a thread, so it is fenced off and left behind';
    all.push({ title: 'Abandoned', at: abandoned_at, note, state: 'forced' });
  }
  // Somebody may have asked when its time was up already, and it was being stopped.
  all.sort((a, b) => Date.parse(a.at ?? '') - Date.parse(b.at ?? ''));
  if (stopped_at) all.push({ title: 'Stopped', at: stopped_at, state: 'reached' });
  else if (!abandoned_at) all.push(next(ladder, limits?.cancel_grace_seconds));
  return all;
}

function first(ladder: CancelLadder, limits: Limits | undefined): Rung {
  const { requested_at, requested_by, reason } = ladder;
  if (!isTimeout(ladder)) {
    return { title: `Asked to stop by ${requested_by}`, at: requested_at, note: reason ?? '', state: 'reached' };
  }
  const limit = limits?.timeout_seconds;
  const note = limit ? `an attempt of this type may take ${ticking(limit * 1_000)}` : '';
  return { title: 'Its time was up', at: requested_at, note, state: 'reached' };
}

function next({ delivered_at, aborted_at }: CancelLadder, grace: number | undefined): Rung {
  if (aborted_at) {
    return {
      title: 'Stopping',
      note: `left behind when it still blocks after ${ABANDONED_AFTER_SECONDS} s`,
      state: 'next',
    };
  }
  if (!delivered_at) return { title: 'On its way to its runner', state: 'next' };
  const note = grace === undefined ? '' : `aborted when it has not stopped after ${grace} s`;
  return { title: 'Stopping by itself', note, state: 'next' };
}
