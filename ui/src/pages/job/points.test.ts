import { expect, test } from 'vitest';
import type { Curve, JobSummary } from '../../api/schema';
import { joined, NOT_HEARD, withHeard } from './points';

const start = Date.parse('2026-01-31T12:00:00Z');
const iso = (ms: number) => new Date(start + ms).toISOString();

function job(ms: number, progress: number, more: Partial<JobSummary> = {}): JobSummary {
  const state = { status: 'running', attempt: 1, started_at: iso(0), completed_at: null, processed_items: progress };
  return { ...state, updated_at: iso(ms), progress, ...more } as JobSummary;
}

test('what is not newer adds nothing, an end does, and a new attempt begins anew', () => {
  const one = withHeard(NOT_HEARD, job(1_000, 10));
  expect(withHeard(one, job(1_000, 10))).toBe(one);
  const ended = withHeard(one, job(2_000, 100, { status: 'completed', completed_at: iso(2_000) }));
  expect(ended.points.at(-1)).toEqual({ at: iso(2_000), progress: 100, processed_items: 100 });
  const again = withHeard(ended, job(20_000, 5, { attempt: 2, started_at: iso(19_000) }));
  expect(again.points.map((p) => p.progress)).toEqual([5]);
});

test('a job that had ended before shows nothing that was not heard', () => {
  const ended = job(9_000, 100, { status: 'completed', completed_at: iso(9_000) });
  expect(withHeard(NOT_HEARD, ended).points).toEqual([]);
});

test('hours of updates are a bounded number of points, with both ends', () => {
  let course: Curve = NOT_HEARD;
  for (let n = 1; n <= 5_000; n++) course = withHeard(course, job(n * 100, n / 50));
  expect(course.points.length).toBeLessThanOrEqual(1_000);
  expect([course.points.at(0)?.progress, course.points.at(-1)?.progress]).toEqual([0.02, 100]);
});

test('what the server kept comes first, nothing twice, and nothing of an older run', () => {
  const curve = (attempt: number, ...at: number[]) => ({
    attempt,
    points: at.map((ms) => ({ at: iso(ms), progress: ms / 100, processed_items: null })),
  });
  expect(joined(curve(1, 1, 2), curve(1, 2, 3))).toEqual(curve(1, 1, 2, 3).points);
  expect(joined(null, curve(1, 2))).toEqual(curve(1, 2).points);
  expect(joined(curve(1, 1, 2), curve(2, 5))).toEqual(curve(2, 5).points);
  expect(joined(curve(1, 1, 2), NOT_HEARD)).toEqual(curve(1, 1, 2).points);
});
