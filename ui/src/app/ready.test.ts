import { expect, test } from 'vitest';
import { notReady } from './ready';

test('a server that is ready has nothing to say', () => {
  expect(notReady({ reasons: [] })).toEqual([]);
});

test('each reason is a sentence', () => {
  const since = '2026-11-30T20:41:43Z';
  const reasons = [{ code: 'database_full', since, message: 'the disk of the database is full' } as const];
  expect(notReady({ reasons })).toEqual([
    { code: 'database_full', since, message: 'The disk of the database is full' },
  ]);
});
