// The one WebSocket of this tab.
//
//   connecting ──open──▶ live ◀──heard again── behind (a ping is unanswered)
//        ▲                │ closed, or silent too long
//        └── backoff ── reconnecting ──upgrades fail, the API answers──▶ polling ──a socket opens──▶ live
//
// A lost connection is opened again with `since`, so that only what changed meanwhile is sent. Where upgrades never succeed
// (a proxy drops them) the API is asked once a second instead, and a socket is tried again now and then. Coming back to a
// tab, from sleep or to the network checks the socket at once: it may be dead without anyone having said so.

import type { ClientMessage, JobSummary, LogRow, ServerMessage } from '../api/schema';
import type { JobStore } from './store';

/** Shown as the mark in the header. `since` is when it began, in milliseconds. */
export type LiveState = { kind: 'connecting' | 'live' | 'behind' | 'reconnecting' | 'polling'; since: number };

/** What is asked of the API when the socket can't tell. */
export interface Reads {
  /** What runs, and the newest jobs. Fails when the server can't be reached. */
  newest(): Promise<JobSummary[]>;
  /** All of these jobs; those that are gone are left out. */
  jobs(ids: string[]): Promise<JobSummary[]>;
}

export type LogListener = (lines: LogRow[], skipped: number) => void;

const PING_EVERY_MS = 3_000;
/** A ping unanswered for so long: behind. The answer waits behind all updates that were sent before it. */
const BEHIND_AFTER_MS = 1_500;
/** Nothing heard for so long: the socket is dead. */
const DEAD_AFTER_MS = 8_000;
/** After coming back to the tab, an answer is due sooner: what is shown has to be true within two seconds. */
const DEAD_AFTER_WAKE_MS = 1_000;
const FIRST_RETRY_MS = 150;
const LONGEST_RETRY_MS = 1_200;
/** An upgrade that takes longer is given up. */
const OPEN_WITHIN_MS = 4_000;
const POLL_EVERY_MS = 1_000;
/** While polling, how often a socket is tried. */
const RETRY_WHILE_POLLING_MS = 10_000;
/** Timers that come so late mean that the machine slept. */
const SLEPT_MS = 5_000;

export class LiveConnection {
  private state: LiveState = { kind: 'connecting', since: Date.now() };
  private readonly listeners = new Set<() => void>();
  private readonly logs = new Map<string, Set<LogListener>>();
  private readonly caughtUp = new Set<() => void>();

  private socket: WebSocket | undefined;
  private heardAt = 0;
  private pingedAt: number | undefined;
  private deadAfter = DEAD_AFTER_MS;
  private retryIn = FIRST_RETRY_MS;
  private failures = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pollTimer: ReturnType<typeof setTimeout> | undefined;
  private beatTimer: ReturnType<typeof setInterval> | undefined;
  private beatAt = 0;

  constructor(
    private readonly store: JobStore,
    private readonly reads: Reads,
    private readonly url: () => string,
  ) {}

  start(): () => void {
    this.connect();
    this.beatAt = Date.now();
    this.beatTimer = setInterval(() => this.beat(), 500);
    const wake = () => {
      if (document.visibilityState === 'visible') this.wake();
    };
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('online', wake);
    window.addEventListener('pageshow', wake);
    return () => {
      document.removeEventListener('visibilitychange', wake);
      window.removeEventListener('online', wake);
      window.removeEventListener('pageshow', wake);
      clearInterval(this.beatTimer);
      clearTimeout(this.retryTimer);
      clearTimeout(this.pollTimer);
      this.drop();
    };
  }

  getState = (): LiveState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Calls back when something may have gone unheard, by a lost connection or too slow a one, and what runs is known again. */
  onCaughtUp(listener: () => void): () => void {
    this.caughtUp.add(listener);
    return () => this.caughtUp.delete(listener);
  }

  /** Hears the log of a job from now on. */
  followLog(jobId: string, listener: LogListener): () => void {
    const listeners = this.logs.get(jobId) ?? new Set();
    this.logs.set(jobId, listeners.add(listener));
    if (listeners.size === 1) this.followOn(jobId);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) {
        this.logs.delete(jobId);
        this.say({ type: 'unsubscribe', jobs: [jobId] });
      }
    };
  }

  private connect(): void {
    clearTimeout(this.retryTimer);
    this.drop();
    const since = this.store.rev === undefined ? '' : `?since=${this.store.rev}`;
    const socket = new WebSocket(this.url() + since);
    this.socket = socket;
    this.heardAt = Date.now();
    this.deadAfter = OPEN_WITHIN_MS;
    socket.onopen = () => {
      this.deadAfter = DEAD_AFTER_MS;
      this.pingedAt = undefined;
      for (const jobId of this.logs.keys()) this.followOn(jobId);
    };
    socket.onmessage = (event) => this.hear(JSON.parse(String(event.data)) as ServerMessage);
    socket.onclose = () => this.lost();
  }

  /** Closes the socket, if there is one, and stops listening to it. */
  private drop(): void {
    const socket = this.socket;
    this.socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private lost(): void {
    const wasOpen = this.state.kind === 'live' || this.state.kind === 'behind';
    this.drop();
    this.pingedAt = undefined;
    this.failures += 1;
    if (wasOpen) this.become('reconnecting');
    const polling = this.state.kind === 'polling';
    // A socket that was refused twice: the server is gone, or something on the way drops upgrades. Asking tells which.
    if (this.failures >= 2 && !polling) this.poll();
    const wait = polling ? RETRY_WHILE_POLLING_MS : this.retryIn * (0.75 + Math.random() / 2);
    this.retryIn = Math.min(this.retryIn * 2, LONGEST_RETRY_MS);
    this.retryTimer = setTimeout(() => this.connect(), wait);
  }

  private hear(message: ServerMessage): void {
    this.heardAt = Date.now();
    this.deadAfter = DEAD_AFTER_MS;
    switch (message.type) {
      case 'snapshot': {
        const overrun = this.state.kind === 'live' || this.state.kind === 'behind';
        void this.askFor(this.store.replace(message.jobs, message.rev));
        this.heardFirst();
        // In the middle of it: too much happened to be told one by one.
        if (overrun) this.tellCaughtUp();
        break;
      }
      case 'job_update':
        this.store.apply(message.jobs, message.rev);
        this.heardFirst();
        break;
      case 'job_removed':
        this.store.remove(message.jobs);
        break;
      case 'job_log':
        for (const listener of this.logs.get(message.job_id) ?? []) listener(message.lines, message.skipped);
        break;
      case 'pong':
        this.pingedAt = undefined;
        if (this.state.kind === 'behind') this.become('live');
        break;
      case 'error':
        // What this page says is right, so this is the server's own trouble; it hangs up, and we come again.
        break;
    }
  }

  /** The first frame after a socket opened says all that was missed. */
  private heardFirst(): void {
    if (this.state.kind === 'live' || this.state.kind === 'behind') return;
    const first = this.state.kind === 'connecting';
    clearTimeout(this.pollTimer);
    // Not before: a socket that is closed as soon as it is open is no better than one that is refused.
    this.failures = 0;
    this.retryIn = FIRST_RETRY_MS;
    this.become('live');
    if (!first) this.tellCaughtUp();
  }

  private beat(): void {
    const now = Date.now();
    const slept = now - this.beatAt > SLEPT_MS;
    this.beatAt = now;
    if (slept) this.wake();
    else if (this.socket && now - this.heardAt > this.deadAfter) this.lost();
    else if (this.socket?.readyState === WebSocket.OPEN) this.checkPing(now);
  }

  private checkPing(now: number): void {
    if (this.pingedAt === undefined) {
      if (now - this.heardAt >= PING_EVERY_MS) this.ping();
    } else if (this.state.kind === 'live' && now - this.pingedAt > BEHIND_AFTER_MS) {
      this.become('behind');
    }
  }

  private ping(): void {
    this.pingedAt = Date.now();
    this.say({ type: 'ping' });
  }

  /** Back in sight, from sleep, or on the network: what was open may be dead, what waits need not wait longer. */
  private wake(): void {
    this.beatAt = Date.now();
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.heardAt = Date.now();
      this.deadAfter = DEAD_AFTER_WAKE_MS;
      this.ping();
    } else if (!this.socket) {
      this.retryIn = FIRST_RETRY_MS;
      this.connect();
    }
  }

  /** Asks the API, once a second as long as it answers and no socket opens. */
  private async poll(): Promise<void> {
    clearTimeout(this.pollTimer);
    try {
      const jobs = await this.reads.newest();
      const seen = new Set(jobs.map((job) => job.id));
      const others = await this.reads.jobs(this.store.watched().filter((id) => !seen.has(id)));
      this.store.apply([...jobs, ...others]);
    } catch {
      if (this.state.kind === 'polling') {
        this.become('reconnecting');
        this.retryIn = FIRST_RETRY_MS;
        if (!this.socket) this.connect(); // it would be tried seldom, and who fails to open asks again
      }
      return;
    }
    if (this.state.kind === 'live' || this.state.kind === 'behind') return;
    this.become('polling');
    this.tellCaughtUp();
    this.pollTimer = setTimeout(() => void this.poll(), POLL_EVERY_MS);
  }

  private async askFor(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      const jobs = await this.reads.jobs(ids);
      this.store.apply(jobs);
      const there = new Set(jobs.map((job) => job.id));
      this.store.remove(ids.filter((id) => !there.has(id)));
    } catch {
      // Not reached: the socket is lost too, and its next snapshot asks again.
    }
  }

  /** `since` keeps the server from sending everything again. */
  private followOn(jobId: string): void {
    this.say({ type: 'subscribe', jobs: [jobId], logs: true, since: this.store.rev ?? 0 });
  }

  private say(message: ClientMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private tellCaughtUp(): void {
    for (const listener of this.caughtUp) listener();
  }

  private become(kind: LiveState['kind']): void {
    if (this.state.kind === kind) return;
    this.state = { kind, since: Date.now() };
    for (const listener of this.listeners) listener();
  }
}
