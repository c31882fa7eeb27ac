import { expect, test } from 'vitest';
import type { Ready } from '../api/schema';
import { notReady } from './ready';

const READY = { ready: true, database: true, claiming: true, fenced: false, unwritten: 0 } as Ready;

test('a server that is ready has nothing to say, also while ends are on their way', () => {
  expect(notReady(READY)).toEqual([]);
  expect(notReady({ ...READY, unwritten: 3 })).toEqual([]);
});

test('each reason is a sentence', () => {
  expect(notReady({ ...READY, fenced: true })).toEqual([expect.stringContaining('lease')]);
  expect(notReady({ ...READY, ready: false, claiming: false })).toEqual([expect.stringContaining('going down')]);
  expect(notReady({ ...READY, ready: false, database: false, unwritten: 2 })).toEqual([
    'The database does not answer.',
    'The ends of 2 jobs wait to be stored.',
  ]);
});
