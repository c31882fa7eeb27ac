// What a job is given beside its params: why, how urgently, when, and beside which others.

import { useState } from 'react';
import type { FieldError } from '../../api/schema';
import { check } from '../../form/params/check';
import { parseNumber } from '../../form/params/numbers';

const SCHEMAS = {
  reason: { type: 'string', maxLength: 1_000 },
  priority: { type: 'integer', minimum: -1_000, maximum: 1_000 },
  run_at: { type: 'string', format: 'date-time' },
  expires_at: { type: 'string', format: 'date-time' },
  unique_key: { type: 'string', maxLength: 200 },
} as const;

export type OptionName = keyof typeof SCHEMAS;

export const NAMES = Object.keys(SCHEMAS) as OptionName[];

/** As they are sent; what is left open is null. */
export interface OptionValues {
  reason: string | null;
  priority: number | null;
  run_at: string | null;
  expires_at: string | null;
  unique_key: string | null;
}

export interface OptionsState {
  values: OptionValues;
  errors: Partial<Record<OptionName, string>>;
  valid: boolean;
  /** Whether it starts later. */
  later: boolean;
  set(name: OptionName, text: string | undefined): void;
  touch(name: OptionName): void;
  reveal(): void;
  refuse(errors: FieldError[]): void;
}

export function useOptions(): OptionsState {
  const [texts, setTexts] = useState<Partial<Record<OptionName, string>>>({});
  const [shown, setShown] = useState<readonly OptionName[]>([]);
  const [refused, setRefused] = useState<Partial<Record<OptionName, string>>>({});

  const values = {
    reason: texts.reason?.trim() || null,
    priority: parseNumber(texts.priority ?? '') ?? null,
    run_at: texts.run_at ?? null,
    expires_at: texts.expires_at ?? null,
    unique_key: texts.unique_key || null,
  };
  const found: Partial<Record<OptionName, string>> = {};
  for (const name of NAMES) {
    const [error] = values[name] === null ? [] : check(values[name], SCHEMAS[name]);
    if (error) found[name] = error.message;
  }
  const touch = (name: OptionName) => setShown((now) => (now.includes(name) ? now : [...now, name]));
  const visible = NAMES.filter((name) => shown.includes(name) && found[name]);

  return {
    values: values as OptionValues,
    errors: { ...refused, ...Object.fromEntries(visible.map((name) => [name, found[name]])) },
    valid: Object.keys(found).length === 0,
    later: values.run_at !== null && Date.parse(values.run_at) > Date.now(),
    set: (name, text) => {
      touch(name);
      setTexts((now) => ({ ...now, [name]: text }));
      setRefused(({ [name]: _, ...others }) => others);
    },
    touch,
    reveal: () => setShown(NAMES),
    refuse: (errors) => {
      const named = NAMES.map((name) => [name, errors.find(({ pointer }) => pointer === `/${name}`)?.message]);
      setRefused(Object.fromEntries(named.filter(([, message]) => message)));
    },
  };
}
