import { expect, test } from 'vitest';
import { readParams } from './fields';
import { errorSchema, place } from './place';
import { RICH } from './rich.test-schema';

const root = readParams(RICH);
const at = (pointer: string, value: unknown = {}) => place(root, value, [{ pointer, message: 'is wrong' }]);

test('an error is shown at the field that its pointer leads to', () => {
  expect(at('/limit').errors).toEqual([{ path: ['limit'], message: 'is wrong' }]);
  expect(at('/limits/most').errors).toEqual([{ path: ['limits', 'most'], message: 'is wrong' }]);
  expect(at('/rules/1/most').errors).toEqual([{ path: ['rules', '1', 'most'], message: 'is wrong' }]);
});

test('an error inside of a field is shown at the field, and names what it is about', () => {
  expect(at('/tags/1', { tags: ['a', 'b'] }).errors).toEqual([{ path: ['tags'], message: '“b” is wrong' }]);
  expect(at('/labels/a~1b', {}).errors).toEqual([{ path: ['labels'], message: '“a/b” is wrong' }]);
  const many = place(root, { tags: ['a', 'b', 'c'] }, [
    { pointer: '/tags/0', message: 'is wrong' },
    { pointer: '/tags/2', message: 'is wrong' },
  ]);
  expect(many.errors).toEqual([{ path: ['tags'], message: '“a” is wrong; and 1 more entry' }]);
});

test('what belongs to no field is told elsewhere', () => {
  expect(at('').elsewhere).toEqual(['is wrong']);
  expect(at('/nobody/knows').elsewhere).toEqual(['nobody › knows is wrong']);
});

test('errors are handed down along the way to their fields', () => {
  expect(errorSchema([{ path: ['rules', '1', 'most'], message: 'is wrong' }])).toEqual({
    rules: { '1': { most: { __errors: ['is wrong'] } } },
  });
});
