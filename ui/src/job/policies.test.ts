import { expect, test } from 'vitest';
import { policiesOf } from './policies';

const none = { admission: 'per_node', in_cluster: null, rate_limit: null, retry: null, timeout_seconds: null } as const;

test('only what is set is said', () => {
  expect(policiesOf(none)).toEqual([]);
  expect(policiesOf({ ...none, admission: 'serial', in_cluster: 1 })).toEqual([]);
});

test('each policy has its words', () => {
  const all = {
    ...none,
    in_cluster: 2,
    rate_limit: { starts: 3, period_seconds: 2 },
    retry: { retries: 3, first_pause_seconds: 0.4, longest_pause_seconds: 1 },
    timeout_seconds: 90,
  };
  expect(policiesOf(all)).toEqual([
    'at most 2 at a time in the whole cluster',
    'at most 3 starts in 2 s',
    '3 retries after a failure, the first within 400 ms, then twice as long each time, up to 1 s',
    'stopped and failed after 1 min 30 s',
  ]);
  const once = { retries: 1, first_pause_seconds: 5, longest_pause_seconds: 60 };
  expect(policiesOf({ ...none, retry: once })).toEqual(['1 retry after a failure, the first within 5 s']);
});
