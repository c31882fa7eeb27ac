// The lines of a job's log that this page holds: a stretch without gaps of its own, at the end of the log as long as the reader
// is there.
//
//   tail ──▶ [ first … last ] ◀── live lines that continue it, else what the API has after `last`
//     older lines ──┘      └── detached: the reader is elsewhere and the stretch is full, so new lines are only counted
//
// What is live is stored already, so every line that a slow connection left out can be read. Positions that are missing
// within the stretch are those that the server left out itself.

import type { LogRow } from '../../../api/schema';
import type { LogReads } from './logReads';
import { attemptOf, numberOf } from './position';

/** More than the server keeps of an attempt. About 50 MB. */
export const MOST_LINES = 125_000;
/** What is left when the oldest are dropped. */
const KEPT_LINES = 100_000;
/** The first look. */
const TAIL_LINES = 1_000;
const OLDER_LINES = 2_000;
/** As many as the API gives at once. */
const PAGE_LINES = 10_000;
/** So many pages behind, a reader at the end is taken to the end rather than through all that lies between. */
const PAGES_BEHIND = 3;
/** The page is told of new lines so often: a hundred thousand lines cost something at each time. */
const TOLD_EVERY_MS = 150;

type Busy = 'first' | 'older' | 'all' | undefined;

export class LogFollower {
  lines: LogRow[] = [];
  /** Grows when the lines changed otherwise than at their end. */
  epoch = 0;
  /** Grows with every change: what the page waits for. */
  version = 0;
  busy: Busy = 'first';
  error: Error | undefined;
  /** Nothing is before the first line. */
  fromStart = false;

  private following = true;
  private seen: number | undefined;
  private newest = -1;
  private filling = false;
  private stopped = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly reads: LogReads) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getVersion = (): number => this.version;

  /** Reads the end of the log. */
  async start(): Promise<void> {
    this.stopped = false;
    this.busy = 'first';
    this.error = undefined;
    this.tell();
    try {
      this.restart(await this.reads.tail(TAIL_LINES));
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(String(error));
    }
    this.busy = undefined;
    this.tell();
    if (!this.error && this.newest > this.last) await this.fill();
  }

  /** What is under way comes to nothing. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Takes in live lines. `skipped` lines before them were not sent. */
  hear(lines: LogRow[], skipped: number): void {
    const first = lines[0]?.seq;
    const last = lines.at(-1)?.seq;
    if (first === undefined || last === undefined) return;
    this.newest = Math.max(this.newest, last);
    if (this.busy === 'first' || this.error || this.filling) return;
    if (this.detached) this.tellSoon();
    else if (skipped === 0 && this.lines.length > 0 && first <= this.last + 1) this.append(lines);
    else void this.fill();
  }

  /** Reads what came after the last line. */
  async fill(): Promise<void> {
    if (this.filling || this.busy === 'first' || this.detached) return;
    this.filling = true;
    try {
      await this.fillPages();
    } catch {
      // Not reached: whoever is told next that there is more asks again.
    }
    this.filling = false;
  }

  /** Whether the reader is at the end and stays there. */
  follow(following: boolean): void {
    if (this.following === following) return;
    const wasDetached = this.detached;
    this.following = following;
    this.seen = following ? undefined : this.last;
    this.tell();
    if (wasDetached) void this.fill();
  }

  get isFollowing(): boolean {
    return this.following;
  }

  /** Lines that came since the reader left the end. */
  get unseen(): number {
    if (this.seen === undefined) return 0;
    let from = this.lines.length;
    while (from > 0 && (this.lines[from - 1]?.seq ?? 0) > this.seen) from--;
    const held = this.lines.length - from;
    if (this.newest <= this.last) return held;
    const same = attemptOf(this.newest) === attemptOf(this.last);
    return held + (same ? this.newest - this.last : numberOf(this.newest) + 1);
  }

  /** To the end, whatever lies between. */
  async jump(): Promise<void> {
    const far = this.detached;
    this.follow(true);
    if (far) await this.start();
  }

  /** Reads lines before the first. */
  async older(): Promise<void> {
    if (this.busy || this.fromStart || this.full) return;
    await this.readOlder('older', OLDER_LINES);
  }

  /** Reads all lines before the first, as many as are held. */
  async all(): Promise<void> {
    while (!this.busy && !this.fromStart && !this.full && !this.stopped) {
      if (!(await this.readOlder('all', PAGE_LINES))) return;
    }
  }

  get full(): boolean {
    return this.lines.length >= MOST_LINES;
  }

  private get last(): number {
    return this.lines.at(-1)?.seq ?? -1;
  }

  /** Full, and the reader is elsewhere. */
  private get detached(): boolean {
    return this.full && !this.following;
  }

  private async fillPages(): Promise<void> {
    for (let page = 1; !this.stopped && !this.detached; page++) {
      const { lines, more } = await this.reads.after(this.last, PAGE_LINES);
      this.append(lines);
      if (!more && (lines.length === 0 || this.newest <= this.last)) return;
      if (more && page >= PAGES_BEHIND && this.following) {
        this.restart(await this.reads.tail(TAIL_LINES));
        this.tell();
      }
    }
  }

  private restart(lines: LogRow[]): void {
    this.lines = lines;
    this.newest = Math.max(this.newest, this.last);
    this.epoch += 1;
    this.fromStart = lines.length < TAIL_LINES || this.isStart(lines);
  }

  private append(lines: LogRow[]): void {
    const last = this.last;
    const fresh = lines.filter((line) => line.seq > last);
    if (fresh.length === 0) return;
    for (const line of fresh) this.lines.push(line);
    if (this.lines.length > MOST_LINES) this.shorten();
    this.tellSoon();
  }

  /** At the end the oldest go, elsewhere the newest: what is read stays. */
  private shorten(): void {
    if (this.following) {
      this.lines = this.lines.slice(-KEPT_LINES);
      this.epoch += 1;
      this.fromStart = false;
    } else {
      this.lines.length = MOST_LINES;
    }
  }

  private async readOlder(busy: Busy, count: number): Promise<boolean> {
    const first = this.lines[0]?.seq;
    if (first === undefined) return false;
    this.busy = busy;
    this.tell();
    let done = true;
    try {
      const lines = await this.reads.before(first, count);
      // Meanwhile the stretch may have been begun anew.
      if (this.lines[0]?.seq === first) this.prepend(lines);
    } catch {
      done = false; // not reached: scrolling up, or looking for something, asks again
    }
    this.busy = undefined;
    this.tell();
    return done;
  }

  private prepend(lines: LogRow[]): void {
    if (lines.length > 0) {
      this.lines = [...lines, ...this.lines].slice(-MOST_LINES);
      this.epoch += 1;
    }
    this.fromStart = lines.length === 0 || this.isStart(this.lines);
  }

  private isStart(lines: LogRow[]): boolean {
    const first = lines[0]?.seq;
    return first === undefined || (attemptOf(first) <= 1 && numberOf(first) === 0);
  }

  private tellSoon(): void {
    this.timer ??= setTimeout(() => this.tell(), TOLD_EVERY_MS);
  }

  private tell(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}
