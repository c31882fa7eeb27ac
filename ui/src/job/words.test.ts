import { expect, test } from 'vitest';
import { amount, byWhom, duration, pace, relative, ticking } from './words';

const scenes = { singular: 'scene', plural: 'scenes' };

test('an amount is in the unit of the type, or in percent where nothing is counted', () => {
  expect(amount({ processed_items: 15, total_items: 30, progress: 50 }, scenes)).toBe('15 / 30 scenes');
  expect(amount({ processed_items: 1, total_items: 1, progress: 100 }, scenes)).toBe('1 / 1 scene');
  expect(amount({ processed_items: 12_345, total_items: 100_000, progress: 12 })).toBe('12,345 / 100,000 items');
  expect(amount({ processed_items: null, total_items: null, progress: 50.9 }, scenes)).toBe('50%');
  expect(amount({ processed_items: 0, total_items: 0, progress: 100 }, scenes)).toBe('100%');
});

test('a duration has two units at most, and never sixty of one', () => {
  const told = [0, 999, 1_000, 9_949, 9_951, 59_499, 59_999, 60_000, 3_599_999, 3_600_000, 86_399_999, 90_000_000];
  expect(told.map(duration)).toEqual([
    '0 ms',
    '999 ms',
    '1.0 s',
    '9.9 s',
    '10 s',
    '59 s',
    '1 min 00 s',
    '1 min 00 s',
    '1 h 00 min',
    '1 h 00 min',
    '1 d 0 h',
    '1 d 1 h',
  ]);
  expect([0, 999, 59_999, 61_500].map(ticking)).toEqual(['0 s', '0 s', '59 s', '1 min 01 s']);
});

test('a moment is told by its distance, before and after now', () => {
  const now = Date.parse('2026-01-31T12:00:00Z');
  const told = [2_000, 59_000, 60_000, 7_200_000, -90_000, 3 * 86_400_000].map((ago) => relative(now - ago, now));
  expect(told).toEqual(['just now', '59 s ago', '1 min ago', '2 h ago', 'in 1 min', '3 d ago']);
  expect(relative(now - 30 * 86_400_000, now)).toMatch(/^2026-01-0[12]$/);
});

test('a pace is told per second, minute or hour, whichever is easier to read', () => {
  const told = [72_800.4, 12.34, 1, 0.5, 1 / 60, 0.001].map((rate) => pace(rate, scenes));
  expect(told).toEqual(['72,800 scenes/s', '12 scenes/s', '1 scene/s', '30 scenes/min', '1 scene/min', '3.6 scenes/h']);
});

test('a job and a schedule that did something are told as such', () => {
  const actors = ['anna', 'job:01a20e25-3fdd-7532-ac5d-4ed633847f2d', 'schedule:Every night'];
  expect(actors.map(byWhom)).toEqual(['anna', 'job …33847f2d', 'schedule Every night']);
});
