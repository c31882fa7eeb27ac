import type { Schema } from '@cfworker/json-schema';
import { expect, test } from 'vitest';
import { type Field, type Group, readParams } from './fields';
import { RICH } from './rich.test-schema';
import { titleOf } from './titles';

const rich = readParams(RICH) as Group;

function field(name: string): Field {
  const found = rich.fields[name];
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

test('every Rust type has its kind of field', () => {
  const kinds = Object.fromEntries(Object.entries(rich.fields).map(([name, { kind }]) => [name, kind]));
  expect(kinds).toEqual({
    scene_ids: 'tags',
    tags: 'tags',
    ratings: 'tags',
    maybe_list: 'tags',
    limit: 'number',
    on_conflict: 'choice',
    maybe_conflict: 'choice',
    plain: 'choice',
    plain_opt: 'choice',
    plains: 'choices',
    limits: 'group',
    limits_default: 'group',
    maybe_limits: 'group',
    rules: 'list',
    labels: 'map',
    weights: 'map',
    by_id: 'json',
    since: 'moment',
    until: 'moment',
    day: 'date',
    folder: 'path',
    maybe_folder: 'path',
    yes: 'choice',
    pair: 'json',
    target: 'json',
    either: 'json',
    tree: 'group',
    any: 'json',
    name: 'text',
    ratio: 'number',
    ch: 'text',
    dur: 'group',
  });
});

test('an Option may be null, whichever way its schema says so', () => {
  const nullable = Object.entries(rich.fields).filter(([, { nullable }]) => nullable);
  expect(nullable.map(([name]) => name)).toEqual([
    'maybe_list',
    'limit',
    'maybe_conflict',
    'plain_opt',
    'maybe_limits',
    'since',
    'maybe_folder',
    'yes',
    'either',
    'tree',
    'ch',
  ]);
});

test('a documented enum has a title and a description per value', () => {
  const choice = field('on_conflict');
  expect(choice.kind === 'choice' && choice.choices).toEqual([
    { value: 'keep_both', title: 'Keep both', description: undefined },
    { value: 'skip', title: 'Skip', description: 'Leave the file that is there.' },
    { value: 'overwrite', title: 'Overwrite', description: 'Put the new file in its place.' },
  ]);
  expect(choice.description).toBe('What to do with files that exist.');
});

test('the comment of a field comes before that of its type', () => {
  expect(field('limits').description).toBe('Limits of a run.');
  expect(field('limits_default').description).toBe('Own words.');
});

test('a struct that holds itself is read once, and the rest of it is JSON', () => {
  const tree = field('tree') as Group;
  expect(Object.values(tree.fields).map(({ kind }) => kind)).toEqual(['json', 'text']);
});

test('a type without params has a form without fields', () => {
  for (const schema of [{ type: 'object' }, { type: 'object', properties: {}, additionalProperties: false }]) {
    expect(readParams(schema as Schema)).toMatchObject({ kind: 'group', fields: {} });
  }
});

test('params that are no struct are written as JSON', () => {
  expect(readParams({ oneOf: [{ type: 'object' }, { type: 'string' }] }).kind).toBe('json');
});

test('a name becomes a title', () => {
  expect(['error_every', 'itemMs', 'dry-run', 'URL', 'sha256', '_'].map(titleOf)).toEqual([
    'Error every',
    'Item ms',
    'Dry run',
    'URL',
    'Sha256',
    '_',
  ]);
});
