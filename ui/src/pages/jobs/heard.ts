// What was heard live while a list was looked at: the newest state of the jobs that are listed, and jobs that are not.
//
// A list is read in pages, at some moments; what happens to its jobs before, between and after is only told here.

import type { JobSummary } from '../../api/schema';

/** Jobs that are not listed are kept for the announcement of new ones; nobody counts further. */
const OTHERS_KEPT = 5_000;
/** What was in a list is not new when another list is shown. */
const NO_NEWS = Number.NEGATIVE_INFINITY;

export class Heard {
  private lists: (id: string) => boolean = () => false;
  private readonly listed = new Map<string, JobSummary>();
  private readonly others = new Map<string, { job: JobSummary; at: number }>();
  private readonly listeners = new Set<() => void>();

  /** Calls back when something was heard. */
  onHeard(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The list has these jobs from now on. */
  list(lists: (id: string) => boolean): void {
    this.lists = lists;
    const [listed, others] = [[...this.listed.values()], [...this.others]];
    for (const job of listed) {
      if (lists(job.id) || !this.listed.delete(job.id)) continue;
      this.others.set(job.id, { job, at: NO_NEWS });
    }
    for (const [id, { job }] of others) {
      if (lists(id) && this.others.delete(id)) this.listed.set(id, job);
    }
    this.forgetOthers();
  }

  hear(jobs: readonly JobSummary[], at: number): void {
    for (const job of jobs) {
      if (this.newest(job) !== job) continue;
      if (this.lists(job.id)) {
        this.listed.set(job.id, job);
      } else {
        this.others.delete(job.id);
        this.others.set(job.id, { job, at });
      }
    }
    this.forgetOthers();
    for (const listener of this.listeners) listener();
  }

  /** The newest of what was read and what was heard. */
  newest(read: JobSummary): JobSummary {
    const known = this.listed.get(read.id) ?? this.others.get(read.id)?.job;
    return known && known.rev > read.rev ? known : read;
  }

  /** Jobs that are not listed and changed at or after a moment. */
  othersSince(at: number): JobSummary[] {
    return [...this.others.values()].filter((other) => other.at >= at).map((other) => other.job);
  }

  private forgetOthers(): void {
    for (const id of this.others.keys()) {
      if (this.others.size <= OTHERS_KEPT) break;
      this.others.delete(id);
    }
  }
}
