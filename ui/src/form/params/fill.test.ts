import { expect, test } from 'vitest';
import { check, clean } from './check';
import { type Group, readParams } from './fields';
import { adapt, emptied, firstValue, type Params, withoutSecrets } from './fill';
import { RICH } from './rich.test-schema';

const root = readParams(RICH) as Group;

test('a form begins with the defaults, and with nothing where a person has to choose', () => {
  expect(clean(firstValue(root))).toEqual({
    any: null,
    by_id: {},
    ch: null,
    dur: { nanos: 0, secs: 0 },
    either: null,
    labels: {},
    limit: null,
    limits: { most: 10, rate: null },
    limits_default: { most: 10, rate: null },
    maybe_conflict: null,
    maybe_folder: null,
    maybe_limits: null,
    maybe_list: null,
    on_conflict: 'skip',
    plain_opt: null,
    plains: [],
    ratings: [],
    ratio: 0,
    rules: [],
    scene_ids: [],
    since: null,
    tags: [],
    tree: null,
    weights: {},
    yes: null,
  });
});

test('a field that is emptied is valid wherever it need not be filled in', () => {
  for (const [name, field] of Object.entries(root.fields)) {
    const params = clean({ [name]: emptied(field) });
    const errors = check(params, { ...root.schema, required: root.schema.required?.filter((at) => at === name) });
    const mustBeFilled = root.schema.required?.includes(name) && field.kind !== 'tags';
    expect([name, errors.length > 0]).toEqual([name, mustBeFilled]);
  }
});

test('an Option that is emptied is null, and a field with a default is left out', () => {
  expect(emptied(root.fields.limit as Group)).toBe(null);
  expect(emptied(root.fields.ratio as Group)).toBe(undefined);
});

test('remembered params are taken as far as the type still takes them', () => {
  const { value, dropped } = adapt(
    root,
    {
      limit: 7,
      gone: 1,
      name: 'abc',
      folder: 5,
      limits: { most: 200, old: true, rate: 2 },
      rules: [{ most: 2, x: 1 }],
    },
    firstValue(root),
  );
  expect(value).toMatchObject({
    limit: 7,
    name: 'abc',
    limits: { most: 10, rate: 2 },
    rules: [{ most: 2, rate: null }],
  });
  expect((value as Params).folder).toBe(undefined);
  expect(dropped).toEqual(['gone', 'Folder', 'Most', 'old', 'x']);
});

test('params that are no object at all leave the defaults', () => {
  const first = firstValue(root);
  expect(adapt(root, [1], first)).toEqual({ value: first, dropped: ['Params'] });
});

test('secrets are not remembered', () => {
  const secret = readParams({
    type: 'object',
    properties: {
      key: { type: 'string', format: 'password' },
      at: { type: 'object', properties: { pin: { type: 'string', format: 'password' }, n: { type: 'integer' } } },
    },
  });
  expect(withoutSecrets(secret, { key: 'a', at: { pin: '1', n: 2 } })).toEqual({ at: { n: 2 } });
});
