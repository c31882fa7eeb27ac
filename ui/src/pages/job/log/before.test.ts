import { expect, test } from 'vitest';
import type { LogRow } from '../../../api/schema';
import { before } from './before';
import { startOf } from './position';

const range = (from: number, length: number) => Array.from({ length }, (_, n) => from + n);

test('lines before a position are found, also over holes and over attempts', async () => {
  const [one, two] = [startOf(1), startOf(2)];
  const stored = [...range(one, 50), ...range(one + 900_000, 100), ...range(two, 10)];
  const after = async (seq: number, limit: number) => {
    const later = stored.filter((position) => position > seq);
    return {
      lines: later.slice(0, limit).map((position) => ({ seq: position }) as LogRow),
      more: later.length > limit,
    };
  };
  const found = async (seq: number, lines: number) => (await before(after, seq, lines)).map((line) => line.seq);
  expect(await found(two + 10, 5)).toEqual(range(two + 5, 5));
  expect(await found(two + 3, 20)).toEqual([...range(two, 3)]);
  expect(await found(two, 20)).toEqual(range(one + 900_080, 20));
  expect(await found(one + 900_000, 20)).toEqual(range(one + 30, 20));
  expect(await found(one, 20)).toEqual([]);
});
