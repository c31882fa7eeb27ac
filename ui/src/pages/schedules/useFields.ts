// What a schedule is besides its type and params: the values that are written, and which errors are shown.
//
// An error is shown once a person was at its field, or has tried to save. What the server said of a field stands until that
// field changes.

import { useState } from 'react';
import type { CatchUp, FieldError, Overlap, Schedule } from '../../api/schema';
import { check } from '../../form/params/check';
import { parseNumber } from '../../form/params/numbers';
import { HERE } from './zones';

export interface Values {
  name: string;
  cron: string;
  time_zone: string;
  overlap: Overlap;
  catch_up: CatchUp;
  enabled: boolean;
  /** As it is typed; empty for the type's own. */
  priority: string;
  reason: string;
}

export type FieldName = keyof Values;

const SCHEMAS = {
  name: { type: 'string', minLength: 1, maxLength: 100 },
  cron: { type: 'string', minLength: 1, maxLength: 200 },
  priority: { type: 'integer', minimum: -1_000, maximum: 1_000 },
  reason: { type: 'string', maxLength: 1_000 },
} as const;

export type Errors = Partial<Record<FieldName, string>>;

export interface FieldsState {
  values: Values;
  errors: Errors;
  valid: boolean;
  set<N extends FieldName>(name: N, value: Values[N]): void;
  touch(name: FieldName): void;
  reveal(): void;
  /** Shows what the server found; brings what belongs to none of these fields. */
  refuse(errors: FieldError[]): FieldError[];
  /** As they are sent. */
  sent(): Sent;
}

export type Sent = Omit<Values, 'priority' | 'reason'> & { priority: number | null; reason: string | null };

const NEW: Values = {
  name: '',
  cron: '',
  time_zone: HERE,
  overlap: 'skip',
  catch_up: 'none',
  enabled: true,
  priority: '',
  reason: '',
};

/** `from` is the schedule that is changed. */
export function useFields(from: Schedule | undefined): FieldsState {
  const [values, setValues] = useState<Values>(() => (from ? { ...NEW, ...valuesOf(from) } : NEW));
  const [shown, setShown] = useState<readonly FieldName[]>([]);
  const [refused, setRefused] = useState<Errors>({});

  const found = problemsOf(values);
  const touch = (name: FieldName) => setShown((now) => (now.includes(name) ? now : [...now, name]));
  const visible = Object.fromEntries(Object.entries(found).filter(([name]) => shown.includes(name as FieldName)));

  return {
    values,
    errors: { ...refused, ...visible },
    valid: Object.keys(found).length === 0,
    set: (name, value) => {
      setValues((now) => ({ ...now, [name]: value }));
      setRefused(({ [name]: _, ...others }) => others);
    },
    touch,
    reveal: () => setShown(Object.keys(SCHEMAS) as FieldName[]),
    refuse: (errors) => {
      const named = errors.map(({ pointer, message }) => ({ name: pointer.slice(1), message }));
      const mine = named.filter(({ name }) => name in NEW);
      setRefused(Object.fromEntries(mine.map(({ name, message }) => [name, message])));
      return errors.filter(({ pointer }) => !(pointer.slice(1) in NEW));
    },
    sent: () => ({
      ...values,
      name: values.name.trim(),
      cron: values.cron.trim(),
      priority: (parseNumber(values.priority) as number | undefined) ?? null,
      reason: values.reason.trim() || null,
    }),
  };
}

function valuesOf({ name, cron, time_zone, overlap, catch_up, enabled, priority }: Schedule): Omit<Values, 'reason'> {
  return { name, cron, time_zone, overlap, catch_up, enabled, priority: priority === null ? '' : String(priority) };
}

/** What can be told without the server. */
export function problemsOf(values: Values): Errors {
  const priority = values.priority.trim() === '' ? undefined : (parseNumber(values.priority) ?? values.priority);
  const looked = { name: values.name.trim(), cron: values.cron.trim(), reason: values.reason, priority };
  const found: Errors = {};
  for (const name of Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[]) {
    const value = looked[name];
    if (value === undefined) continue;
    const [error] =
      value === '' && name !== 'reason' ? [{ message: 'must be filled in' }] : check(value, SCHEMAS[name]);
    if (error) found[name] = error.message;
  }
  return found;
}
