import { expect, test } from 'vitest';
import { columns } from './minutes';

test('every minute of the window has a column, also those in which nothing ended', () => {
  const now = Date.parse('2026-01-31T12:05:30Z');
  const throughput = [
    { at: '2026-01-31T12:03:00Z', completed: 5, failed: 1, cancelled: 2 },
    { at: '2026-01-31T12:05:00Z', completed: 1, failed: 0, cancelled: 0 },
  ];
  const [at, failed, cancelled, completed] = columns(throughput, 4, now);
  expect(at.map((second) => new Date(second * 1_000).toISOString().slice(11, 16))).toEqual([
    '12:02',
    '12:03',
    '12:04',
    '12:05',
  ]);
  expect([failed, cancelled, completed]).toEqual([
    [0, 1, 0, 0],
    [0, 3, 0, 0],
    [0, 8, 0, 1],
  ]);
});
