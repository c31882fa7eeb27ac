import { expect, test } from 'vitest';
import { rungs } from './rungs';

const asked = { requested_at: '2026-01-31T12:00:00Z', requested_by: 'anna', reason: 'too slow' };
const heard = { ...asked, delivered_at: '2026-01-31T12:00:01Z' };
const aborted = { ...heard, aborted_at: '2026-01-31T12:00:11Z' };

const titles = (ladder: Parameters<typeof rungs>[0]) => rungs(ladder, 10).map((rung) => rung.title);

test('the ladder shows what was reached and what comes next', () => {
  expect(titles(asked)).toEqual(['Asked to stop by anna', 'On its way to its runner']);
  expect(titles(heard)).toEqual(['Asked to stop by anna', 'Its runner heard', 'Stopping by itself']);
  expect(rungs(heard, 10).at(-1)?.note).toBe('aborted when it has not stopped after 10 s');
  expect(titles(aborted).slice(2)).toEqual(['Aborted', 'Stopping']);
});

test('it ends where the job stopped or was left behind', () => {
  const at = '2026-01-31T12:00:16Z';
  expect(titles({ ...heard, stopped_at: at })).toEqual(['Asked to stop by anna', 'Its runner heard', 'Stopped']);
  expect(titles({ ...asked, stopped_at: at })).toEqual(['Asked to stop by anna', 'Stopped']);
  expect(titles({ ...aborted, abandoned_at: at }).at(-1)).toBe('Abandoned');
});
