import { expect, test } from 'vitest';
import { isRun, lookOf, runInWords, tagOf } from './runs';

const run = { outcome: 'started', job_status: 'completed', detail: null, actor: null } as const;

test('a run is told by what became of its job', () => {
  expect([tagOf(run), runInWords(run), lookOf(run).look]).toEqual(['completed', 'completed', 'completed']);
  expect(runInWords({ ...run, detail: { caught_up: true } })).toBe('completed, made up for late');
  expect(runInWords({ ...run, outcome: 'manual', job_status: 'failed', actor: 'anna' })).toBe(
    'run by hand by anna: failed',
  );
  expect(runInWords({ ...run, job_status: null })).toBe('started, the job was cleaned up');
});

test('a due time without a job says why there is none', () => {
  const none = { ...run, job_status: null };
  expect(runInWords({ ...none, outcome: 'skipped', detail: { because: 'overlap' } })).toMatch(
    /earlier job of this sched/,
  );
  expect(runInWords({ ...none, outcome: 'skipped', detail: { because: 'exclusive' } })).toMatch(
    /another job of this type/,
  );
  expect(runInWords({ ...none, outcome: 'skipped', detail: { because: 'queue_full' } })).toMatch(/were waiting/);
  expect(tagOf({ ...none, outcome: 'missed', detail: { count: 1 } })).toBe('missed');
  expect(tagOf({ ...none, outcome: 'missed', detail: { count: 9_999, or_more: true } })).toBe(
    'missed 9,999 times or more',
  );
  const refused = { errors: [{ pointer: '/items', message: 'must be a number' }] };
  expect(runInWords({ ...none, outcome: 'refused', detail: refused })).toBe('refused: items must be a number');
});

test('a change says who made it', () => {
  const edited = {
    ...run,
    outcome: 'edited',
    job_status: null,
    actor: 'anna',
    detail: { changed: ['cron', 'time_zone'] },
  } as const;
  expect(runInWords(edited)).toBe('changed by anna: cron, time zone');
  expect([isRun(edited), isRun(run)]).toEqual([false, true]);
});
