import { expect, test } from 'vitest';
import { leftOut, outcome, preview, sum, type Tally } from './bulk';

const tally = (part: Partial<Tally>): Tally => ({ done: 0, skipped: 0, because: {}, more: false, ...part });

test('a preview says how many, and that there may be more', () => {
  expect(preview('cancel', tally({ done: 1 }))).toBe('1 job will be cancelled.');
  expect(preview('cancel', tally({ done: 1_200, more: true }))).toBe('At least 1,200 jobs will be cancelled.');
  expect(preview('retry', tally({ done: 2 }))).toMatch(/^2 jobs will be run again/);
  expect(preview('retry', tally({ skipped: 2 }))).toBe('None of these jobs can be retried.');
});

test('what was left out is told with its reasons', () => {
  expect(leftOut('cancel', tally({ done: 3 }))).toBeUndefined();
  expect(leftOut('cancel', tally({ skipped: 3 }))).toBe('3 left out: they have ended, or were asked to stop before');
  expect(leftOut('retry', tally({ skipped: 3, because: { not_found: 2, invalid_params: 1 } }))).toBe(
    '3 left out: 2 not ended yet, or gone; 1 with parameters that are no longer valid',
  );
});

test('portions add up, and the last one knows whether there is more', () => {
  const both = sum(
    tally({ done: 2, skipped: 1, because: { not_found: 1 }, more: true }),
    tally({ done: 3, skipped: 2, because: { not_found: 1, invalid_params: 1 } }),
  );
  expect(both).toEqual({ done: 5, skipped: 3, because: { not_found: 2, invalid_params: 1 }, more: false });
  expect(outcome('retry', both)).toBe('5 jobs retried');
});
