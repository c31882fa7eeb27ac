import { afterEach, expect, test, vi } from 'vitest';
import type { JobSummary } from '../api/schema';
import { JobStore } from './store';

const job = (id: string, rev: number, status: JobSummary['status'] = 'running') =>
  ({ id, rev, status, started_at: '2026-01-01T00:00:00Z' }) as JobSummary;

/** A store whose frames are drawn by hand. */
function store() {
  let flush = () => {};
  const scheduled = vi.fn((next: () => void) => {
    flush = next;
  });
  return { jobs: new JobStore(scheduled), scheduled, frame: () => flush() };
}

test('many updates are told once per frame, with the newest state', () => {
  const { jobs, scheduled, frame } = store();
  const [told, changes, transitions] = [vi.fn(), vi.fn(), vi.fn()];
  jobs.onJob('a', told);
  jobs.onChanges(changes);
  for (let rev = 1; rev <= 100; rev++) jobs.apply([job('a', rev)], rev);
  jobs.onTransitions(transitions);
  expect(told).not.toHaveBeenCalled();
  frame();
  expect([scheduled.mock.calls.length, told.mock.calls.length]).toEqual([1, 1]);
  expect(changes).toHaveBeenCalledExactlyOnceWith([job('a', 100)]);
  jobs.apply([job('a', 101)], 101);
  frame();
  expect(transitions).toHaveBeenCalledTimes(1); // it was new; a new rev alone is no transition
  jobs.apply([job('a', 102, 'completed')], 102);
  frame();
  expect(transitions).toHaveBeenLastCalledWith([job('a', 102, 'completed')], false);
  jobs.remove(['a']);
  jobs.apply([job('b', 103)], 103);
  frame();
  expect(transitions).toHaveBeenLastCalledWith([job('b', 103)], true);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a page that is hidden before the frame that it waits for is told all the same, once', () => {
  vi.useFakeTimers();
  vi.stubGlobal(
    'requestAnimationFrame',
    vi.fn(() => 1),
  );
  vi.stubGlobal('cancelAnimationFrame', vi.fn());
  const jobs = new JobStore();
  const told = vi.fn();
  jobs.onJob('a', told);
  jobs.apply([job('a', 1)]);
  jobs.apply([job('a', 2, 'completed')]);
  vi.advanceTimersByTime(10_000);
  expect(told).toHaveBeenCalledOnce();
  expect(cancelAnimationFrame).toHaveBeenCalledWith(1);
});

test('a final state is never replaced by an older one', () => {
  const { jobs, frame } = store();
  jobs.apply([job('a', 9, 'completed')], 9);
  jobs.apply([job('a', 8)], 8);
  frame();
  expect(jobs.get('a')?.status).toBe('completed');
  expect(jobs.newest(job('a', 8)).status).toBe('completed');
  expect(jobs.newest(job('a', 10, 'failed')).status).toBe('failed');
  expect(jobs.rev).toBe(9);
});

test('what runs is the same array until a running job changes', () => {
  const { jobs, frame } = store();
  jobs.apply([job('a', 1), job('b', 2), job('c', 3, 'pending')]);
  frame();
  const before = jobs.running();
  expect(before.map((running) => running.id)).toEqual(['a', 'b']);
  jobs.apply([job('c', 4, 'cancelled')]);
  frame();
  expect(jobs.running()).toBe(before);
  jobs.apply([job('a', 5, 'completed')]);
  frame();
  expect(jobs.running().map((running) => running.id)).toEqual(['b']);
});

test('ended jobs are forgotten in the order of their ends, but not what a page shows', () => {
  const { jobs, frame } = store();
  const leave = jobs.onJob('job-0', () => {});
  jobs.apply(Array.from({ length: 2_500 }, (_, n) => job(`job-${n}`, n + 1, 'completed')));
  frame();
  expect([jobs.get('job-0')?.rev, jobs.get('job-1'), jobs.get('job-2499')?.rev]).toEqual([1, undefined, 2_500]);
  leave();
});
