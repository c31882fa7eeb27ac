import { expect, test } from 'vitest';
import type { JobSummary } from '../../api/schema';
import { type Course, joined, NO_COURSE, withHeard } from './points';

const start = Date.parse('2026-01-31T12:00:00Z');
const iso = (ms: number) => new Date(start + ms).toISOString();

function job(ms: number, progress: number, more: Partial<JobSummary> = {}): JobSummary {
  const state = { status: 'running', attempt: 1, started_at: iso(0), completed_at: null, processed_items: progress };
  return { ...state, updated_at: iso(ms), progress, ...more } as JobSummary;
}

test('a course begins at the start of a run that is heard early, else where it is heard first', () => {
  expect(withHeard(NO_COURSE, job(1_000, 10)).points.map((p) => p.progress)).toEqual([0, 10]);
  expect(withHeard(NO_COURSE, job(60_000, 40)).points.map((p) => p.progress)).toEqual([40]);
});

test('what is not newer adds nothing, an end does, and a new attempt begins anew', () => {
  const one = withHeard(NO_COURSE, job(1_000, 10));
  expect(withHeard(one, job(1_000, 10))).toBe(one);
  const ended = withHeard(one, job(2_000, 100, { status: 'completed', completed_at: iso(2_000) }));
  expect(ended.points.at(-1)).toEqual({ at: iso(2_000), progress: 100, processed_items: 100 });
  const again = withHeard(ended, job(20_000, 5, { attempt: 2, started_at: iso(19_000) }));
  expect(again.points.map((p) => p.progress)).toEqual([0, 5]);
});

test('a job that had ended before shows nothing that was not heard', () => {
  const ended = job(9_000, 100, { status: 'completed', completed_at: iso(9_000) });
  expect(withHeard(NO_COURSE, ended).points).toEqual([]);
});

test('hours of updates are a bounded number of points, with both ends', () => {
  let course: Course = NO_COURSE;
  for (let n = 1; n <= 5_000; n++) course = withHeard(course, job(n * 100, n / 50));
  expect(course.points.length).toBeLessThanOrEqual(1_000);
  expect([course.points.at(0)?.progress, course.points.at(-1)?.progress]).toEqual([0, 100]);
});

test('what the server kept comes first, and nothing twice', () => {
  const point = (ms: number) => ({ at: iso(ms), progress: ms / 100, processed_items: null });
  expect(joined([point(1), point(2)], [point(2), point(3)])).toEqual([point(1), point(2), point(3)]);
  expect(joined(undefined, [point(2)])).toEqual([point(2)]);
});
