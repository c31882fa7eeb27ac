// A number, as text: whatever is written stays until its writer changes it, and what is wrong with it is said.

import { Input } from 'antd';
import { type KeyboardEvent, useState } from 'react';
import { emptied } from '../params/fill';
import { isExact, parseNumber } from '../params/numbers';
import type { LeafProps } from './leaf';
import { shadow } from './texts';

export function NumberField({ id, field, value, aria, change, blur, broken }: LeafProps) {
  const [text, setText] = useState(() => (typeof value === 'number' ? String(value) : ''));
  const { minimum, maximum, multipleOf } = field.schema;

  const write = (written: string) => {
    const number = parseNumber(written);
    setText(written);
    broken(typeof number === 'number' && !isExact(number) ? 'has more digits than can be kept' : undefined);
    change(number ?? emptied(field));
  };

  const step = (event: KeyboardEvent) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const from = parseNumber(text) ?? parseNumber(shadow(field) ?? '') ?? 0;
    if (!direction || typeof from === 'string') return;
    event.preventDefault();
    const to = from + direction * (multipleOf ?? (field.schema.type?.includes('integer') ? 1 : 0.1));
    write(String(Number(Math.min(maximum ?? to, Math.max(minimum ?? to, to)).toPrecision(12))));
  };

  return (
    <Input
      id={id}
      {...aria}
      role="spinbutton"
      aria-valuenow={typeof value === 'number' ? value : undefined}
      aria-valuemin={minimum}
      aria-valuemax={maximum}
      aria-valuetext={typeof value === 'number' ? undefined : text || 'empty'}
      inputMode={field.schema.type?.includes('integer') ? 'numeric' : 'decimal'}
      autoComplete="off"
      className="form-short number"
      status={aria['aria-invalid'] && 'error'}
      placeholder={shadow(field)}
      value={text}
      onChange={({ target }) => write(target.value)}
      onKeyDown={step}
      onBlur={blur}
    />
  );
}
