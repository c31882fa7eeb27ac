// What was heard live while a list was looked at: the newest state of the jobs that are listed, and jobs that are not.
//
// A list is read in pages, at some moments; what happens to its jobs before, between and after is only told here.

import type { JobSummary } from '../../api/schema';

/** Jobs that are not listed are kept for the announcement of new ones; nobody counts further. */
const OTHERS_KEPT = 5_000;

export class Heard {
  /** Whether a job is in the list. */
  lists: (id: string) => boolean = () => false;

  private readonly listed = new Map<string, JobSummary>();
  private readonly others = new Map<string, { job: JobSummary; at: number }>();
  private readonly listeners = new Set<() => void>();

  /** Calls back when something was heard. */
  onHeard(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
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
    for (const id of this.others.keys()) {
      if (this.others.size <= OTHERS_KEPT) break;
      this.others.delete(id);
    }
    for (const listener of this.listeners) listener();
  }

  /** The newest of what was read and what was heard. */
  newest(read: JobSummary): JobSummary {
    const known = [read, this.listed.get(read.id), this.others.get(read.id)?.job];
    return known.reduce<JobSummary>((newest, job) => (job && job.rev > newest.rev ? job : newest), read);
  }

  /** Jobs that are not listed and changed at or after a moment. */
  othersSince(at: number): JobSummary[] {
    const fresh = [...this.others.values()].filter((other) => other.at >= at && !this.lists(other.job.id));
    return fresh.map((other) => other.job);
  }
}
