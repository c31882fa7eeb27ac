import { expect, test } from 'vitest';
import { rungs } from './rungs';

const asked = { requested_at: '2026-01-31T12:00:00Z', requested_by: 'anna', reason: 'too slow' };
const heard = { ...asked, delivered_at: '2026-01-31T12:00:01Z' };
const aborted = { ...heard, aborted_at: '2026-01-31T12:00:11Z' };

const limits = { cancel_grace_seconds: 10, timeout_seconds: 90 };
const titles = (ladder: Parameters<typeof rungs>[0]) => rungs(ladder, limits).map((rung) => rung.title);

test('the ladder shows what was reached and what comes next', () => {
  expect(titles(asked)).toEqual(['Asked to stop by anna', 'On its way to its runner']);
  expect(titles(heard)).toEqual(['Asked to stop by anna', 'Its runner heard', 'Stopping by itself']);
  expect(rungs(heard, limits).at(-1)?.note).toBe('aborted when it has not stopped after 10 s');
  expect(titles(aborted).slice(2)).toEqual(['Aborted', 'Stopping']);
});

test('it ends where the job stopped or was left behind', () => {
  const at = '2026-01-31T12:00:16Z';
  expect(titles({ ...heard, stopped_at: at })).toEqual(['Asked to stop by anna', 'Its runner heard', 'Stopped']);
  expect(titles({ ...asked, stopped_at: at })).toEqual(['Asked to stop by anna', 'Stopped']);
  expect(titles({ ...aborted, abandoned_at: at }).at(-1)).toBe('Abandoned');
});

test('a job whose time was up is stopped in the same steps', () => {
  const timedOut = { ...heard, requested_by: 'timeout', reason: 'timeout' };
  expect(titles(timedOut)).toEqual(['Its time was up', 'Its runner heard', 'Stopping by itself']);
  expect(rungs(timedOut, limits)[0]?.note).toBe('an attempt of this type may take 1 min 30 s');
  const cancelledThen = { ...aborted, requested_at: '2026-01-31T12:00:05Z' };
  expect(titles(cancelledThen)).toEqual(['Its runner heard', 'Asked to stop by anna', 'Aborted', 'Stopping']);
});
