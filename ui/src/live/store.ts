// The jobs that this tab knows live, each in its newest state.
//
// Updates are taken in at once and told to the page at most once per frame: hundreds of updates a second cost one rendering.
// What is not newer (by `rev`) than what is held is ignored, so a state once seen is never replaced by an older one. Only a
// snapshot does that.

import type { JobSummary } from '../api/schema';
import { isActive, isTerminal } from '../job/status';

/** Ended jobs that are kept. Lists bring their own; these are for what ended while the page looked on. */
const ENDED_KEPT = 2_000;

type Listener = () => void;

/** Calls back once, at the next frame. */
export type Schedule = (flush: () => void) => void;

/** A hidden page has no frames, not even one that was asked for before it was hidden, and still has to know. */
const WITHOUT_FRAME_MS = 250;

const perFrame: Schedule = (flush) => {
  const once = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    flush();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, WITHOUT_FRAME_MS);
};

export class JobStore {
  /** The greatest `rev` heard of: what `since` asks for. */
  rev: number | undefined;

  private readonly jobs = new Map<string, JobSummary>();
  private readonly ofJob = new Map<string, Set<Listener>>();
  private readonly ofSet = new Set<Listener>();
  private readonly ofChanges = new Set<(jobs: JobSummary[]) => void>();
  private readonly ofTransitions = new Set<(jobs: JobSummary[], gone: boolean) => void>();
  private readonly dirty = new Set<string>();
  /** Of these the status changed too, or they are new or gone. */
  private readonly moved = new Set<string>();
  private scheduled = false;
  private active: readonly JobSummary[] = [];

  constructor(private readonly schedule: Schedule = perFrame) {}

  get(id: string): JobSummary | undefined {
    return this.jobs.get(id);
  }

  /** The newest of what is held and what a caller has. */
  newest(job: JobSummary): JobSummary {
    const held = this.jobs.get(job.id);
    return held && held.rev > job.rev ? held : job;
  }

  /** What runs, oldest start first. The same array as long as it is the same jobs in the same states. */
  running(): readonly JobSummary[] {
    return this.active;
  }

  /** Ids of jobs that are held unfinished and may be on the screen: those that run, and those that a page shows. */
  watched(): string[] {
    const unfinished = [...this.jobs.values()].filter((job) => !isTerminal(job.status));
    return unfinished.filter((job) => isActive(job.status) || this.ofJob.has(job.id)).map((job) => job.id);
  }

  /** Takes in changed jobs. */
  apply(jobs: readonly JobSummary[], rev?: number): void {
    for (const job of jobs) {
      const held = this.jobs.get(job.id);
      if (held && held.rev >= job.rev) continue;
      this.jobs.set(job.id, job);
      this.dirty.add(job.id);
      if (held?.status !== job.status) this.moved.add(job.id);
    }
    if (rev !== undefined) this.rev = Math.max(this.rev ?? 0, rev);
    this.flushLater();
  }

  /**
   * Takes in the first jobs of a snapshot: of what runs and of the newest. Returns the watched jobs that are not among them: they
   * may have ended unheard, and have to be asked for. Others that are held unfinished are forgotten: nobody looks at them, and
   * the rest of the snapshot, or their next change, brings them again. A state in it that is older than the one that is held takes its
   * place: the database went back, to a backup or by a failover that lost commits.
   */
  replace(jobs: readonly JobSummary[], rev: number): string[] {
    const there = new Set(jobs.map((job) => job.id));
    for (const job of jobs) {
      if ((this.jobs.get(job.id)?.rev ?? 0) > job.rev) this.jobs.delete(job.id);
    }
    this.apply(jobs);
    this.rev = rev;
    const missing = this.watched().filter((id) => !there.has(id));
    for (const id of missing) there.add(id);
    for (const [id, job] of this.jobs) {
      if (!isTerminal(job.status) && !there.has(id)) this.jobs.delete(id);
    }
    return missing;
  }

  /** Forgets jobs that are no longer kept by the server. */
  remove(ids: readonly string[]): void {
    for (const id of ids) {
      if (!this.jobs.delete(id)) continue;
      this.dirty.add(id);
      this.moved.add(id);
    }
    this.flushLater();
  }

  /** Calls back when this job changed. */
  onJob(id: string, listener: Listener): () => void {
    const listeners = this.ofJob.get(id) ?? new Set();
    this.ofJob.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.ofJob.get(id) === listeners) this.ofJob.delete(id);
    };
  }

  /** Calls back when what `running()` returns changed. */
  onRunning(listener: Listener): () => void {
    this.ofSet.add(listener);
    return () => this.ofSet.delete(listener);
  }

  /** Calls back with all jobs that changed since the last time. */
  onChanges(listener: (jobs: JobSummary[]) => void): () => void {
    this.ofChanges.add(listener);
    return () => this.ofChanges.delete(listener);
  }

  /** Calls back with all jobs that are new or have another status since the last time, and whether others are gone. */
  onTransitions(listener: (jobs: JobSummary[], gone: boolean) => void): () => void {
    this.ofTransitions.add(listener);
    return () => this.ofTransitions.delete(listener);
  }

  private flushLater(): void {
    if (this.scheduled || this.dirty.size === 0) return;
    this.scheduled = true;
    this.schedule(() => this.flush());
  }

  private flush(): void {
    this.scheduled = false;
    const ids = [...this.dirty];
    const moved = [...this.moved];
    this.dirty.clear();
    this.moved.clear();
    this.forgetOldest();
    this.sortRunning();
    for (const id of ids) {
      for (const listener of this.ofJob.get(id) ?? []) listener();
    }
    const changed = this.held(ids);
    for (const listener of this.ofChanges) listener(changed);
    if (moved.length === 0) return;
    const transitions = this.held(moved);
    for (const listener of this.ofTransitions) listener(transitions, transitions.length < moved.length);
  }

  private held(ids: string[]): JobSummary[] {
    return ids.map((id) => this.jobs.get(id)).filter((job) => job !== undefined);
  }

  private sortRunning(): void {
    const running = [...this.jobs.values()].filter((job) => isActive(job.status));
    running.sort((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? '') || a.id.localeCompare(b.id));
    const same = running.length === this.active.length && running.every((job, at) => job === this.active[at]);
    if (same) return;
    this.active = running;
    for (const listener of this.ofSet) listener();
  }

  private forgetOldest(): void {
    if (this.jobs.size <= ENDED_KEPT) return;
    const ended = [...this.jobs.values()].filter((job) => isTerminal(job.status) && !this.ofJob.has(job.id));
    if (ended.length <= ENDED_KEPT) return;
    ended.sort((a, b) => a.rev - b.rev);
    for (const job of ended.slice(0, ended.length - ENDED_KEPT)) this.jobs.delete(job.id);
  }
}
