import { expect, test } from 'vitest';
import { HERE, isHere, timeIn, timeThere, zones } from './zones';

test('a moment is told on the clock of a zone, with the day where it is another', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  expect(timeIn('UTC', '2026-11-24T13:30:00Z', now)).toBe('13:30');
  expect(timeIn('UTC', '2026-11-24T13:30:05Z', now)).toBe('13:30:05');
  expect(timeIn('Europe/Berlin', '2026-11-25T23:30:00Z', now)).toBe('Thu, 2026-11-26 00:30');
  expect(timeIn('Mars/Olympus', '2026-11-25T04:00:00Z', now)).toBe(undefined);
  expect(timeThere(HERE, '2026-12-24T04:00:00Z')).toMatch(/^\d\d:00$/);
});

test('a zone is the same under all its names', () => {
  expect(isHere('Etc/UTC', 'UTC')).toBe(true);
  expect(isHere('Europe/Berlin', 'UTC')).toBe(false);
  expect(isHere('Mars/Olympus', 'UTC')).toBe(false);
});

test('every zone is listed once, also one that only the server knows', () => {
  const all = zones('Mars/Olympus');
  expect(all).toEqual(expect.arrayContaining(['Europe/Berlin', 'UTC', 'Mars/Olympus']));
  expect(new Set(all).size).toBe(all.length);
});
