// How fast a job goes and when it will have ended, from what was heard in the last half minute.

import type { JobSummary } from '../../api/schema';
import { isActive } from '../../job/status';

export interface Pace {
  /** Items a second; null when it does not count, or nothing is known yet. */
  rate_per_second: number | null;
  eta_seconds: number | null;
}

type Heard = Pick<
  JobSummary,
  'status' | 'attempt' | 'progress' | 'processed_items' | 'total_items' | 'started_at' | 'updated_at'
>;

interface Sample {
  at: number;
  progress: number;
  items: number | null;
}

/** Long enough to smooth over slow items, short enough to follow a change of speed. */
const WINDOW_MS = 30_000;
/** Samples are no nearer to each other: a few hundred at most are kept. */
const APART_MS = 250;
/** A speed over less is a guess. */
const LEAST_MS = 1_000;

const UNKNOWN: Pace = { rate_per_second: null, eta_seconds: null };

export class PaceMeter {
  private samples: Sample[] = [];
  private attempt = 0;
  private newest: Heard | undefined;

  /** Takes in what was heard at `now`. */
  hear(job: Heard, now: number): void {
    const last = this.samples.at(-1);
    if (!isActive(job.status) || job.attempt !== this.attempt || (last && job.progress < last.progress)) {
      this.samples = [];
    }
    this.attempt = job.attempt;
    this.newest = job;
    if (!isActive(job.status)) return;
    if (this.samples.length === 0) this.begin(job, now);
    const before = this.samples.at(-2);
    if (before && now - before.at < APART_MS) this.samples.pop();
    this.samples.push({ at: now, progress: job.progress, items: job.processed_items });
  }

  /** The speed at `now`. Where nothing moves it falls. */
  pace(now: number): Pace {
    // The first sample is the newest that is older than the window.
    while (this.samples[1] && this.samples[1].at <= now - WINDOW_MS) this.samples.shift();
    const [first] = this.samples;
    const last = this.samples.at(-1);
    if (!first || !last || !this.newest) return UNKNOWN;
    const seconds = (Math.max(now, last.at) - first.at) / 1_000;
    if (seconds * 1_000 < LEAST_MS || this.samples.length < 2) return UNKNOWN;
    const total = this.newest.total_items;
    if (last.items !== null && total) {
      const rate = (last.items - (first.items ?? 0)) / seconds;
      return { rate_per_second: rate, eta_seconds: rate > 0 ? (total - last.items) / rate : null };
    }
    const rate = (last.progress - first.progress) / seconds;
    return { rate_per_second: null, eta_seconds: rate > 0 ? (100 - last.progress) / rate : null };
  }

  /** The run began with nothing done. Its age is by the server's clock alone, which may differ from ours. */
  private begin(job: Heard, now: number): void {
    if (!job.started_at) return;
    const age = Date.parse(job.updated_at) - Date.parse(job.started_at);
    if (age > 0) this.samples.push({ at: now - age, progress: 0, items: job.processed_items === null ? null : 0 });
  }
}
