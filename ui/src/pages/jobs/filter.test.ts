import { expect, test } from 'vitest';
import type { JobSummary } from '../../api/schema';
import { allThatFit, filterOf, fitsEnded, fitsUnfinished, matches } from './filter';

const job: JobSummary = {
  id: '01a20d42-f3fc-7582-81af-53b6acd57bad',
  type: 'demo',
  status: 'completed',
  outcome: 'completed_with_errors',
  progress: 100,
  message: 'Processed 30/30',
  error: null,
  error_count: 2,
  processed_items: 30,
  total_items: 30,
  priority: 0,
  attempt: 1,
  interruptions: 0,
  failures: 0,
  max_retries: 0,
  node_id: null,
  created_by: 'cli',
  reason: null,
  parent_id: null,
  retry_of: null,
  schedule_id: null,
  cancel: null,
  run_at: '2026-11-24T11:00:00Z',
  created_at: '2026-11-24T11:00:00Z',
  started_at: '2026-11-24T11:00:00Z',
  updated_at: '2026-11-24T11:00:01Z',
  completed_at: '2026-11-24T11:00:01Z',
  rev: 1,
  eta_seconds: null,
  rate_per_second: null,
};

test('a filter is read from an address, and what is not one is left out', () => {
  expect(filterOf({})).toEqual({});
  expect(filterOf({ status: ['failed', 'pending', 'x'], type: 'b,a', q: 42, page: 3 })).toEqual({
    status: ['pending', 'failed'],
    type: ['a', 'b'],
    q: '42',
  });
  expect(
    filterOf({ status: 'x', outcome: [], q: '  ', since: 'soon', until: '0020-01-01T00:00', parent: 'me' }),
  ).toEqual({});
  expect(filterOf({ since: '2026-11-24T12:00:00+01:00' })).toEqual({ since: '2026-11-24T11:00:00.000Z' });
});

test('a job is judged as the server does', () => {
  const yes = [
    {},
    { status: 'completed,failed', type: 'demo', outcome: 'completed_with_errors', actor: 'cli' },
    { q: 'PROCESSED' },
    { q: job.id },
    { since: job.created_at, until: '2026-11-24T11:00:00.001Z' },
  ];
  const no = [
    { status: 'failed' },
    { type: 'dem' },
    { outcome: 'completed' },
    { q: 'nothing' },
    { actor: 'CLI' },
    { until: job.created_at },
    { parent: job.id },
  ];
  for (const search of yes) expect(matches(job, filterOf(search)), JSON.stringify(search)).toBe(true);
  for (const search of no) expect(matches(job, filterOf(search)), JSON.stringify(search)).toBe(false);
});

test('an act on all that fit is offered where some can fit, and says so when it is about every job', () => {
  expect(allThatFit({})).toEqual({ all: true });
  expect(allThatFit({ status: ['failed'] })).toEqual({ status: ['failed'] });
  expect(fitsUnfinished({})).toBe(true);
  expect(fitsUnfinished({ status: ['failed', 'pending'] })).toBe(true);
  expect(fitsUnfinished({ status: ['failed'] })).toBe(false);
  expect(fitsUnfinished({ outcome: ['failed'] })).toBe(false);
  expect(fitsEnded({ status: ['running'] })).toBe(false);
  expect(fitsEnded({ outcome: ['failed'] })).toBe(true);
});
