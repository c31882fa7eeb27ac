import { expect, test } from 'vitest';
import { check } from './check';
import { type Group, readParams } from './fields';
import { firstValue, type Params } from './fill';
import { RICH } from './rich.test-schema';

const root = readParams(RICH) as Group;

/** Params that are right. */
const GOOD: Params = {
  ...(firstValue(root) as Params),
  plain: 'low',
  until: '2026-01-31T18:00:00Z',
  day: '2026-01-31',
  folder: '/media',
  pair: [1, 'a'],
  target: { kind: 'all' },
  name: 'abc',
};

function errors(change: Params): Record<string, string> {
  const found = check({ ...GOOD, ...change }, root.schema);
  return Object.fromEntries(found.map(({ pointer, message }) => [pointer, message]));
}

test('what fits has no errors', () => {
  expect(errors({})).toEqual({});
  expect(
    errors({
      scene_ids: ['0190a5b4-6c1e-7d2f-8a3b-4c5d6e7f8091'],
      limit: 5,
      maybe_conflict: 'skip',
      maybe_limits: { most: 3, rate: null },
      rules: [{ most: 1 }],
      labels: { a: 'b' },
      since: '2026-01-31T18:00:00+02:00',
      either: 'x',
      tree: { name: 'a', children: [{ name: 'b', children: [] }] },
      any: { whatever: [1] },
      yes: false,
    }),
  ).toEqual({});
});

test('what is wrong is told at its place, in words', () => {
  expect(errors({ limit: 1.5 })).toEqual({ '/limit': 'must be a whole number' });
  expect(errors({ limit: 'many' })).toEqual({ '/limit': 'must be a whole number' });
  expect(errors({ limit: -1 })).toEqual({ '/limit': 'must be at least 0' });
  expect(errors({ limits: { most: 101 } })).toEqual({ '/limits/most': 'must be at most 100' });
  expect(errors({ maybe_limits: { most: 101 } })).toEqual({ '/maybe_limits/most': 'must be at most 100' });
  expect(errors({ rules: [{ most: 1 }, { most: 0 }] })).toEqual({ '/rules/1/most': 'must be at least 1' });
  expect(errors({ scene_ids: ['abc'] })['/scene_ids/0']).toContain('must be an id like');
  expect(errors({ ratings: [1, 300] })).toEqual({ '/ratings/1': 'must be at most 255' });
  expect(errors({ ratings: [1, 1] })).toEqual({ '/ratings': 'must not have the same entry twice' });
  expect(errors({ plain: 'none' })).toEqual({ '/plain': 'must be one of low, high' });
  expect(errors({ plain_opt: 'none' })).toEqual({ '/plain_opt': 'must be one of low, high' });
  expect(errors({ name: '' })['/name']).toContain('must');
  expect(errors({ name: 'abcdef' })).toEqual({ '/name': 'must have at most 5 characters' });
  expect(errors({ name: 'ABC' })).toEqual({ '/name': 'must fit the pattern ^[a-z]+$' });
  expect(errors({ until: 'soon' })['/until']).toContain('must be a time like');
  expect(errors({ pair: [1] })).toEqual({ '/pair': 'must have at least 2 entries' });
  expect(errors({ target: { kind: 'two' } })).toEqual({ '/target': 'fits none of the forms that are allowed' });
  expect(errors({ tree: { name: 'a', children: [{ name: 1, children: [] }] } })).toEqual({
    '/tree/children/0/name': 'must be a text',
  });
  expect(errors({ labels: { 'a/b c#%': 1 } })).toEqual({ '/labels/a~1b c#%': 'must be a text' });
  expect(errors({ unknown: 1 })).toEqual({ '/unknown': 'is not known here' });
});

test('a required field that is missing is told at the field', () => {
  expect(errors({ folder: undefined, plain: undefined })).toEqual({
    '/folder': 'must be filled in',
    '/plain': 'must be filled in',
  });
});
