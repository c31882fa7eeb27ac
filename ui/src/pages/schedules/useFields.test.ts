import { expect, test } from 'vitest';
import { problemsOf, type Values } from './useFields';

const values: Values = {
  name: 'Every night',
  cron: '30 2 * * *',
  time_zone: 'Europe/Berlin',
  overlap: 'skip',
  catch_up: 'none',
  enabled: true,
  priority: '',
  reason: '',
};

test('what may be left out is no problem', () => {
  expect(problemsOf(values)).toEqual({});
  expect(problemsOf({ ...values, priority: '-1,000', reason: 'to test it' })).toEqual({});
});

test('what has to be there, and what is too much, is told by its field', () => {
  expect(problemsOf({ ...values, name: ' ', cron: '' })).toEqual({
    name: 'must be filled in',
    cron: 'must be filled in',
  });
  const wrong = problemsOf({ ...values, name: 'x'.repeat(101), priority: 'high', reason: 'y'.repeat(1_001) });
  expect(Object.keys(wrong).sort()).toEqual(['name', 'priority', 'reason']);
  expect(Object.keys(problemsOf({ ...values, priority: '1001' }))).toEqual(['priority']);
});
