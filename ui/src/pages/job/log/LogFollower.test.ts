import { expect, test } from 'vitest';
import type { LogRow } from '../../../api/schema';
import { LogFollower, MOST_LINES } from './LogFollower';
import type { LogReads } from './logReads';
import { startOf } from './position';

/** A server's log: positions that exist, in order. */
class Stored implements LogReads {
  reads = 0;
  constructor(public seqs: number[]) {}

  async tail(lines: number) {
    this.reads++;
    return rows(this.seqs.slice(-lines));
  }

  async after(seq: number, lines: number) {
    this.reads++;
    const later = this.seqs.filter((stored) => stored > seq);
    return { lines: rows(later.slice(0, lines)), more: later.length > lines };
  }

  async before(seq: number, lines: number) {
    this.reads++;
    return rows(this.seqs.filter((stored) => stored < seq).slice(-lines));
  }
}

function rows(seqs: number[]): LogRow[] {
  return seqs.map((seq) => ({ seq, at: '2026-01-31T12:00:00Z', level: 'info', target: 't', message: `line ${seq}` }));
}

const first = startOf(1);
const range = (from: number, until: number) => Array.from({ length: until - from }, (_, n) => first + from + n);
const held = (follower: LogFollower) => follower.lines.map((line) => line.seq);

async function started(stored: Stored): Promise<LogFollower> {
  const follower = new LogFollower(stored);
  await follower.start();
  return follower;
}

test('live lines continue the tail without a further question, and none is held twice', async () => {
  const stored = new Stored(range(0, 10));
  const follower = await started(stored);
  follower.hear(rows(range(8, 12)), 0);
  follower.hear(rows(range(12, 13)), 0);
  expect(held(follower)).toEqual(range(0, 13));
  expect(stored.reads).toBe(1);
});

test('lines that were not sent are read', async () => {
  const stored = new Stored(range(0, 10));
  const follower = await started(stored);
  stored.seqs = range(0, 30);
  follower.hear(rows(range(20, 30)), 10);
  await expect.poll(() => held(follower)).toEqual(range(0, 30));
});

test('lines heard while the tail is read are not lost', async () => {
  const stored = new Stored(range(0, 5));
  const follower = new LogFollower(stored);
  const reading = follower.start();
  stored.seqs = range(0, 9);
  follower.hear(rows(range(5, 9)), 0);
  await reading;
  expect(held(follower)).toEqual(range(0, 9));
});

test('the first line of an empty log comes, too', async () => {
  const stored = new Stored([]);
  const follower = await started(stored);
  stored.seqs = range(0, 2);
  follower.hear(rows(range(0, 2)), 0);
  await expect.poll(() => held(follower)).toEqual(range(0, 2));
});

test('what the server left out itself stays left out', async () => {
  const stored = new Stored([...range(0, 5), ...range(100, 105)]);
  const follower = await started(new Stored(range(0, 5)));
  Object.assign(follower, { reads: stored });
  follower.hear(rows(range(100, 105)), 0);
  await expect.poll(() => held(follower)).toEqual([...range(0, 5), ...range(100, 105)]);
});

test('far behind, a reader at the end is taken to the end', async () => {
  const stored = new Stored(range(0, 10));
  const follower = await started(stored);
  stored.seqs = range(0, 60_000);
  follower.hear(rows(range(59_999, 60_000)), 50_000);
  await expect.poll(() => held(follower).at(-1)).toBe(first + 59_999);
  expect(follower.lines.length).toBe(1_000);
  expect(follower.fromStart).toBe(false);
});

test('older lines are put before, to the start', async () => {
  const stored = new Stored(range(0, 4_000));
  const follower = await started(stored);
  expect(held(follower)).toEqual(range(3_000, 4_000));
  await follower.older();
  expect(held(follower)).toEqual(range(1_000, 4_000));
  await follower.all();
  expect(held(follower)).toEqual(range(0, 4_000));
  expect(follower.fromStart).toBe(true);
});

test('at the end the oldest lines go when too many come', async () => {
  const stored = new Stored(range(0, 1_000));
  const follower = await started(stored);
  for (let n = 1_000; n < MOST_LINES + 2_000; n += 1_000) follower.hear(rows(range(n, n + 1_000)), 0);
  expect(follower.lines.length).toBeLessThanOrEqual(MOST_LINES);
  expect(held(follower).at(-1)).toBe(first + MOST_LINES + 1_999);
  expect(follower.fromStart).toBe(false);
});

test('a reader who is elsewhere keeps what is read; what comes is counted, and a jump leads to it', async () => {
  const stored = new Stored(range(0, 1_000));
  const follower = await started(stored);
  follower.follow(false);
  for (let n = 1_000; n < MOST_LINES + 5_000; n += 1_000) {
    stored.seqs = [];
    follower.hear(rows(range(n, n + 1_000)), 0);
  }
  expect(held(follower)[0]).toBe(first);
  expect(follower.lines.length).toBe(MOST_LINES);
  expect(follower.unseen).toBe(MOST_LINES + 4_000);
  stored.seqs = range(0, MOST_LINES + 5_000);
  await follower.jump();
  expect(held(follower).at(-1)).toBe(first + MOST_LINES + 4_999);
  expect(follower.unseen).toBe(0);
});
