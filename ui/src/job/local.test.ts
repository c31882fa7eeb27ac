import { expect, test } from 'vitest';
import { fromLocal, toLocal } from './local';

test('a moment is local where it is written and UTC where it is kept', () => {
  const moment = '2026-01-31T18:00:05Z';
  expect(fromLocal(toLocal(moment))).toBe(moment);
  expect(toLocal('soon')).toBe('');
  expect(fromLocal('2026-13-01T00:00')).toBe(undefined);
});
