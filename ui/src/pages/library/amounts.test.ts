import { expect, test } from 'vitest';
import { length, size } from './amounts';

test('sizes are told in the unit that fits', () => {
  expect([0, 1_023, 1_536, 1_503_238_554].map(size)).toEqual(['0 B', '1,023 B', '1.5 KiB', '1.4 GiB']);
});

test('lengths are told as players do', () => {
  expect([0, 7.4, 247, 3_753].map(length)).toEqual(['0:00', '0:07', '4:07', '1:02:33']);
});
