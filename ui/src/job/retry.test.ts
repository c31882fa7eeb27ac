import { expect, test } from 'vitest';
import { retryIn, waitsForRetry, whichRetry } from './retry';

test('a retry counts down, and is due when its pause is over', () => {
  const job = { status: 'pending' as const, failures: 1, max_retries: 3, run_at: '2026-01-31T12:00:20Z' };
  expect(waitsForRetry(job)).toBe(true);
  expect(whichRetry(job)).toBe('retry 1 of 3');
  const at = (time: string) => retryIn(job, Date.parse(time));
  expect(at('2026-01-31T12:00:00Z')).toBe('in 20 s');
  expect(at('2026-01-31T12:00:19.9Z')).toBe('in 1 s');
  expect(at('2026-01-31T12:00:20Z')).toBe('due');
  expect(at('2026-01-31T11:00:00Z')).toBe('in 1 h 00 min');
});

test('a job that never failed, or that runs again, waits for no retry', () => {
  expect(waitsForRetry({ status: 'pending', failures: 0 })).toBe(false);
  expect(waitsForRetry({ status: 'running', failures: 1 })).toBe(false);
});
