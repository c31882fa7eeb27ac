import { describe, expect, test } from 'vitest';
import type { SettingView } from '../../api/schema';
import { changeOf } from './drafts';

function setting(part: Partial<SettingView>): SettingView {
  return {
    name: 'stash.url',
    label: 'Address',
    group: 'Stash',
    description: '',
    kind: { type: 'text' },
    secret: false,
    default: null,
    variable: 'STASHHOG_STASH_URL',
    value: null,
    source: 'unset',
    is_set: false,
    unreadable: null,
    updated_at: null,
    updated_by: null,
    ...part,
  };
}

const here = { source: 'database', value: 'there', is_set: true } as const;
const byDefault = { source: 'default', value: 'there', is_set: true } as const;

describe('what is typed', () => {
  test('is a change when it is another value than the one that holds', () => {
    expect(changeOf(setting({}), undefined)).toEqual({ kind: 'none' });
    expect(changeOf(setting(byDefault), ' there ')).toEqual({ kind: 'none' });
    expect(changeOf(setting(byDefault), 'elsewhere ')).toEqual({ kind: 'value', value: 'elsewhere' });
    expect(changeOf(setting({ kind: { type: 'boolean' } }), true)).toEqual({ kind: 'value', value: true });
    expect(changeOf(setting({ kind: { type: 'boolean' } }), false)).toEqual({ kind: 'none' });
  });

  test('takes back what was set here when it is nothing', () => {
    expect(changeOf(setting(here), '')).toEqual({ kind: 'value', value: null });
    expect(changeOf(setting(here), null)).toEqual({ kind: 'value', value: null });
    expect(changeOf(setting(byDefault), null)).toEqual({ kind: 'none' });
    expect(changeOf(setting({}), ' ')).toEqual({ kind: 'none' });
    expect(changeOf(setting(byDefault), ' ')).toMatchObject({ kind: 'wrong' });
  });

  test('is a number within bounds where one is asked for', () => {
    const days = setting({ kind: { type: 'integer', min: 1, max: 90 }, source: 'default', value: 14 });
    expect(changeOf(days, '30')).toEqual({ kind: 'value', value: 30 });
    expect(changeOf(days, '14')).toEqual({ kind: 'none' });
    expect(changeOf(days, '91')).toMatchObject({ kind: 'wrong' });
    expect(changeOf(days, 'many')).toMatchObject({ kind: 'wrong' });
    expect(changeOf(days, '1.5')).toMatchObject({ kind: 'wrong' });
  });

  test('is left as it is in a secret, which no empty field replaces', () => {
    const key = setting({ secret: true, source: 'database', is_set: true });
    expect(changeOf(key, ' a b ')).toEqual({ kind: 'value', value: ' a b ' });
    expect(changeOf(key, '')).toEqual({ kind: 'none' });
    expect(changeOf(key, null)).toEqual({ kind: 'value', value: null });
  });
});
