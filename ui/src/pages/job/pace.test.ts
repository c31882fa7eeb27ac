import { expect, test } from 'vitest';
import { PaceMeter } from './pace';

const start = Date.parse('2026-01-31T12:00:00Z');

function heard(seconds: number, items: number | null, progress = 0, more = {}) {
  return {
    status: 'running' as const,
    attempt: 1,
    progress,
    processed_items: items,
    total_items: items === null ? null : 1_000,
    started_at: new Date(start).toISOString(),
    updated_at: new Date(start + seconds * 1_000).toISOString(),
    ...more,
  };
}

const at = (seconds: number) => start + seconds * 1_000;

test('a job that was just opened goes as fast as it went so far', () => {
  const meter = new PaceMeter();
  meter.hear(heard(100, 200), at(100));
  expect(meter.pace(at(100))).toEqual({ rate_per_second: 2, eta_seconds: 400 });
});

test('the last half minute counts, not what was before', () => {
  const meter = new PaceMeter();
  for (let s = 1; s <= 100; s++) meter.hear(heard(s, s), at(s));
  for (let s = 101; s <= 140; s++) meter.hear(heard(s, 100 + (s - 100) * 10), at(s));
  const { rate_per_second, eta_seconds } = meter.pace(at(140));
  expect(rate_per_second).toBeCloseTo(10);
  expect(eta_seconds).toBeCloseTo(50);
});

test('a job that stands still has no end in sight', () => {
  const meter = new PaceMeter();
  for (let s = 1; s <= 10; s++) meter.hear(heard(s, s * 10), at(s));
  expect(meter.pace(at(30)).rate_per_second).toBeLessThan(5);
  expect(meter.pace(at(90))).toEqual({ rate_per_second: null, eta_seconds: null });
});

test('without counts the end is told by the percent', () => {
  const meter = new PaceMeter();
  meter.hear(heard(10, null, 20), at(10));
  expect(meter.pace(at(10))).toEqual({ rate_per_second: null, eta_seconds: 40 });
});

test('a new attempt begins anew, and an end has no pace', () => {
  const meter = new PaceMeter();
  meter.hear(heard(100, 900), at(100));
  const again = { attempt: 2, started_at: new Date(at(110)).toISOString() };
  meter.hear(heard(110, 0, 0, again), at(110));
  meter.hear(heard(115, 5, 0, again), at(115));
  expect(meter.pace(at(115)).rate_per_second).toBe(1);
  meter.hear(heard(116, 1_000, 100, { status: 'completed' }), at(116));
  expect(meter.pace(at(116))).toEqual({ rate_per_second: null, eta_seconds: null });
});

test('a thousand updates a second cost no more than a few samples', () => {
  const meter = new PaceMeter();
  for (let ms = 0; ms < 10_000; ms++) meter.hear(heard(ms / 1_000, Math.floor(ms / 20)), start + ms);
  expect(meter.pace(at(10)).rate_per_second).toBeCloseTo(50, 0);
});
