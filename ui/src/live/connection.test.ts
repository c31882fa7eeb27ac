// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JobSummary } from '../api/schema';
import { LiveConnection, type Reads } from './connection';
import { JobStore } from './store';

/** A socket whose other end is the test. */
class Socket {
  static OPEN = 1;
  static all: Socket[] = [];
  readyState = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(readonly url: string) {
    Socket.all.push(this);
  }

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open(rev: number, jobs: JobSummary[] = [], type: 'snapshot' | 'job_update' = 'snapshot') {
    this.readyState = Socket.OPEN;
    this.onopen?.();
    this.tell({ type, rev, jobs });
  }

  tell(message: unknown) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** The other end is gone. */
  cut() {
    this.readyState = 3;
    this.onclose?.();
  }
}

const visible = Object.assign(new EventTarget(), { visibilityState: 'visible' });
const newest = vi.fn<Reads['newest']>();
const asked = vi.fn<Reads['jobs']>();
let stop = () => {};

const job = (id: string, rev: number, status: JobSummary['status'] = 'running') => ({ id, rev, status }) as JobSummary;
const socket = () => Socket.all.at(-1) as Socket;

function connect() {
  const store = new JobStore((flush) => flush());
  const connection = new LiveConnection(store, { newest, jobs: asked }, () => 'ws://server/api/jobs/ws');
  stop = connection.start();
  return { store, connection };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', Socket);
  vi.stubGlobal('document', visible);
  vi.stubGlobal('window', new EventTarget());
  Socket.all = [];
  newest.mockReset().mockRejectedValue(new Error('unreachable'));
  asked.mockReset().mockResolvedValue([]);
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a lost connection is opened again with what was seen, and says when it is caught up', async () => {
  const { store, connection } = connect();
  const caughtUp = vi.fn();
  connection.onCaughtUp(caughtUp);
  socket().open(7, [job('a', 7)]);
  expect(connection.getState().kind).toBe('live');
  expect(caughtUp).not.toHaveBeenCalled();

  socket().cut();
  expect(connection.getState().kind).toBe('reconnecting');
  await vi.advanceTimersByTimeAsync(300);
  expect(socket().url).toBe('ws://server/api/jobs/ws?since=7');
  socket().open(9, [job('a', 9, 'completed')], 'job_update');
  expect(store.get('a')?.status).toBe('completed');
  expect(connection.getState().kind).toBe('live');
  expect(caughtUp).toHaveBeenCalledOnce();
});

test('while the server is gone it is tried again at least every two seconds', async () => {
  connect();
  socket().open(1);
  for (let second = 0; second < 60; second++) {
    if (socket().readyState !== 3) socket().cut();
    await vi.advanceTimersByTimeAsync(1_000);
  }
  const before = Socket.all.length;
  socket().cut();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(Socket.all.length).toBeGreaterThan(before);
});

test('where upgrades are refused and the API answers, it is asked every second until a socket opens', async () => {
  const { store, connection } = connect();
  newest.mockResolvedValueOnce([job('a', 1)]).mockResolvedValue([job('b', 3)]);
  asked.mockImplementation(async (ids) => ids.map((id) => job(id, 2, 'failed')));
  socket().cut();
  await vi.advanceTimersByTimeAsync(300);
  socket().cut();
  await vi.advanceTimersByTimeAsync(0);
  expect(connection.getState().kind).toBe('polling');
  expect(store.get('a')?.status).toBe('running');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveBeenLastCalledWith(['a']);
  expect(store.get('a')?.status).toBe('failed');

  await vi.advanceTimersByTimeAsync(15_000);
  socket().open(3);
  expect(connection.getState().kind).toBe('live');
  const polls = newest.mock.calls.length;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(newest.mock.calls.length).toBe(polls);
});

test('a job that a snapshot no longer has is asked for, and forgotten when the server has it no longer', async () => {
  const { store } = connect();
  socket().open(5, [job('ends', 4), job('goes', 5)]);
  socket().cut();
  await vi.advanceTimersByTimeAsync(300);
  asked.mockResolvedValue([job('ends', 8, 'completed')]);
  socket().open(9, [job('new', 9)]);
  await vi.advanceTimersByTimeAsync(0);
  expect(new Set(asked.mock.lastCall?.[0])).toEqual(new Set(['ends', 'goes']));
  expect(store.get('ends')?.status).toBe('completed');
  expect(store.get('goes')).toBeUndefined();
});

test('a server that goes away while it is asked is missed for no more than two seconds', async () => {
  const { connection } = connect();
  newest.mockResolvedValue([]);
  socket().cut();
  await vi.advanceTimersByTimeAsync(300);
  socket().cut();
  await vi.advanceTimersByTimeAsync(0);
  expect(connection.getState().kind).toBe('polling');

  newest.mockRejectedValue(new Error('unreachable'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(connection.getState().kind).toBe('reconnecting');
  socket().cut();
  newest.mockResolvedValue([job('a', 1)]);
  await vi.advanceTimersByTimeAsync(2_000);
  socket().cut();
  await vi.advanceTimersByTimeAsync(0);
  expect(connection.getState().kind).toBe('polling');
});

test('sockets that are closed as soon as they are open are tried less and less often, and the API is asked', async () => {
  const { connection } = connect();
  newest.mockResolvedValue([]);
  for (let second = 0; second < 20; second++) {
    socket().readyState = Socket.OPEN;
    socket().onopen?.();
    socket().cut();
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(connection.getState().kind).toBe('polling');
  expect(Socket.all.length).toBeLessThan(6);
});

test('a snapshot whose rest is on its way loses no job, however many are held', async () => {
  const { store, connection } = connect();
  const caughtUp = vi.fn();
  connection.onCaughtUp(caughtUp);
  const waiting = Array.from({ length: 500 }, (_, n) => job(`waits-${n}`, n + 1, 'pending'));
  socket().open(500, [...waiting, job('runs', 501)]);
  store.onJob('waits-7', () => {});
  asked.mockResolvedValue([job('runs', 502), job('waits-7', 600, 'completed')]);
  socket().tell({ type: 'snapshot', rev: 700, jobs: [] });
  socket().tell({ type: 'job_update', rev: 700, jobs: waiting.slice(100) });
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toHaveBeenCalledExactlyOnceWith(['waits-7', 'runs']);
  expect(store.get('runs')?.rev).toBe(502);
  expect(store.get('waits-7')?.status).toBe('completed');
  expect(store.get('waits-99')).toBeUndefined();
  expect(store.get('waits-499')?.status).toBe('pending');
  expect(caughtUp).toHaveBeenCalledOnce();
});

test('a snapshot of a database that went back takes the place of what was told before', () => {
  const { store } = connect();
  socket().open(90, [job('a', 90, 'completed'), job('b', 80)]);
  socket().tell({ type: 'snapshot', rev: 1_000_091, jobs: [job('a', 40, 'pending'), job('b', 80)] });
  expect([store.get('a')?.status, store.get('b')?.rev]).toEqual(['pending', 80]);
  socket().tell({ type: 'job_update', rev: 1_000_092, jobs: [job('a', 1_000_092, 'running')] });
  expect(store.get('a')?.status).toBe('running');
});

test('a job that the server removed is forgotten', () => {
  const { store } = connect();
  socket().open(2, [job('a', 1, 'completed'), job('b', 2)]);
  socket().tell({ type: 'job_removed', jobs: ['a'] });
  expect([store.get('a'), store.get('b')?.rev]).toEqual([undefined, 2]);
});

test('an unanswered ping means behind, and longer silence a dead socket', async () => {
  const { connection } = connect();
  socket().open(1);
  await vi.advanceTimersByTimeAsync(5_500);
  expect(socket().sent).toContainEqual({ type: 'ping' });
  expect(connection.getState().kind).toBe('behind');
  socket().tell({ type: 'pong' });
  expect(connection.getState().kind).toBe('live');
  const dead = socket();
  await vi.advanceTimersByTimeAsync(12_000);
  expect(socket()).not.toBe(dead);
});

test('back in sight, a socket that does not answer at once is given up', async () => {
  const { connection } = connect();
  socket().open(1);
  const dead = socket();
  visible.dispatchEvent(new Event('visibilitychange'));
  expect(dead.sent).toContainEqual({ type: 'ping' });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(socket()).not.toBe(dead);
  socket().open(1, [], 'job_update');
  expect(connection.getState().kind).toBe('live');
});

test('a log is followed over a lost connection, and no longer than wanted', async () => {
  const { connection } = connect();
  const heard = vi.fn();
  socket().open(3);
  const leave = connection.followLog('a', heard);
  expect(socket().sent).toEqual([{ type: 'subscribe', jobs: ['a'], logs: true, since: 3 }]);
  socket().tell({ type: 'job_log', job_id: 'a', skipped: 2, lines: [{ seq: 1 }] });
  expect(heard).toHaveBeenCalledWith([{ seq: 1 }], 2);
  socket().cut();
  await vi.advanceTimersByTimeAsync(300);
  socket().open(4, [], 'job_update');
  expect(socket().sent).toEqual([{ type: 'subscribe', jobs: ['a'], logs: true, since: 3 }]);
  leave();
  expect(socket().sent).toContainEqual({ type: 'unsubscribe', jobs: ['a'] });
});
