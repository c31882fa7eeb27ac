import { expect, test } from 'vitest';
import type { Explanation } from '../api/schema';
import { whyInWords } from './why';

const now = Date.parse('2026-01-31T12:00:00Z');
const job = { attempt: 1, failures: 1, max_retries: 3, run_at: '2026-01-31T12:00:20Z' };

function why(more: Partial<Explanation>): string {
  return whyInWords({ sentence: 'As the server says.', ...more } as Explanation, job, 'Demo', now);
}

test('what tells a time is told on the clock of whoever looks', () => {
  const pause = { at: '2026-01-31T11:00:00Z', by: 'anna', reason: null };
  expect(why({ code: 'retry_at' })).toBe('Attempt 1 failed. Retry 1 of 3 is due in 20 s.');
  expect(why({ code: 'scheduled', run_at: job.run_at, paused: pause })).toMatch(
    /^Waits until \d\d:\d\d:20 \(in 20 s\)\. Demo is paused\.$/,
  );
  expect(why({ code: 'rate_limited', rate_until: '2026-01-31T12:00:02Z', ahead: 7 })).toMatch(
    /^The rate limit of Demo lets the next start at \d\d:\d\d:02 \(in 2 s\); 7 jobs come first\.$/,
  );
});

test('all else is in the words of the server', () => {
  for (const code of ['cluster_limit', 'queued_behind', 'next'] as const)
    expect(why({ code })).toBe('As the server says.');
});
