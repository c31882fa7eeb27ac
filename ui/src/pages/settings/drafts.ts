// What is typed and not saved: what it comes to, or why it can't be.

import type { SettingKind, SettingView } from '../../api/schema';
import { check } from '../../form/params/check';
import { parseNumber } from '../../form/params/numbers';

/** As it is typed; null takes back what was set here. */
export type Draft = string | boolean | null;

/** By the setting's name; those that nobody touched have none. */
export type Drafts = Readonly<Record<string, Draft>>;

export type Value = string | number | boolean | null;

/** What saving would do to a setting. */
export type Change = { kind: 'none' } | { kind: 'value'; value: Value } | { kind: 'wrong'; message: string };

type NumberKind = Extract<SettingKind, { type: 'integer' | 'number' }>;

const NONE: Change = { kind: 'none' };

export function changeOf(setting: SettingView, draft: Draft | undefined): Change {
  if (draft === undefined) return NONE;
  if (draft === null) return setting.source === 'database' ? { kind: 'value', value: null } : NONE;
  if (typeof draft === 'boolean') return draft === (setting.value ?? false) ? NONE : { kind: 'value', value: draft };
  const text = setting.secret ? draft : draft.trim();
  if (text === '') return emptied(setting);
  const { kind } = setting;
  return kind.type === 'integer' || kind.type === 'number' ? numberOf(setting, kind, text) : changed(setting, text);
}

/** A field without text is no value. What was set here is taken back by it. */
function emptied({ secret, source }: SettingView): Change {
  if (secret || source === 'unset') return NONE;
  if (source === 'database') return { kind: 'value', value: null };
  return { kind: 'wrong', message: 'can’t be empty; write another value, or undo the change' };
}

function numberOf(setting: SettingView, { type, min, max }: NumberKind, text: string): Change {
  const number = parseNumber(text);
  const [error] = check(number, { type, minimum: min, maximum: max });
  return error ? { kind: 'wrong', message: error.message } : changed(setting, number as number);
}

function changed({ value }: SettingView, typed: string | number): Change {
  return typed === value ? NONE : { kind: 'value', value: typed };
}

/** A value as it stands in its field. */
export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
