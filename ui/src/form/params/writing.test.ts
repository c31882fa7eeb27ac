import { expect, test } from 'vitest';
import { isExact, parseNumber } from './numbers';
import { split } from './split';

test('a list is parted by lines and commas, else by spaces; trimmed, each entry once', () => {
  expect(split('a, b ,,a\n c d \r\n')).toEqual(['a', 'b', 'c d']);
  expect(split(' a  b a ')).toEqual(['a', 'b']);
  expect(split('1\t2\t3', [2])).toEqual(['1', '3']);
  expect(split(' \n ')).toEqual([]);
});

test('numbers are read as people write them, and what is none stays text', () => {
  expect(['1', ' -2.5 ', '1e3', '1,000,000', '.5', '+3'].map(parseNumber)).toEqual([1, -2.5, 1000, 1_000_000, 0.5, 3]);
  expect(['1,5', 'a', '1-', '0x10', '1e999', 'Infinity'].map(parseNumber)).toEqual([
    '1,5',
    'a',
    '1-',
    '0x10',
    '1e999',
    'Infinity',
  ]);
  expect(parseNumber(' ')).toBe(undefined);
  expect([isExact(2 ** 53 - 1), isExact(2 ** 53), isExact(0.5)]).toEqual([true, false, true]);
});
