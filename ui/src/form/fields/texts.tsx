// Fields in which one line is written: texts, paths, secrets, days and moments.

import { Input } from 'antd';
import { useState } from 'react';
import { fromLocal, toLocal } from '../../job/local';
import { emptied } from '../params/fill';
import type { LeafProps } from './leaf';

/** What an emptied field comes to, as a shadow. */
export function shadow({ schema }: LeafProps['field']): string | undefined {
  const byDefault: unknown = schema.default;
  return typeof byDefault === 'string' || typeof byDefault === 'number' ? String(byDefault) : undefined;
}

export function Text({ id, field, value, aria, change, blur }: LeafProps) {
  return (
    <Input
      id={id}
      {...aria}
      className={field.kind === 'path' ? 'form-mono' : undefined}
      type={field.kind === 'password' ? 'password' : 'text'}
      autoComplete="off"
      spellCheck={field.kind === 'text'}
      status={aria['aria-invalid'] && 'error'}
      placeholder={shadow(field)}
      value={typeof value === 'string' ? value : ''}
      onChange={({ target }) => change(target.value === '' ? emptiedText(field) : target.value)}
      onBlur={blur}
    />
  );
}

/** An empty text is a text; null says better that there is none. */
function emptiedText(field: LeafProps['field']): unknown {
  return field.schema.default === '' ? '' : emptied(field);
}

export function Day({ id, field, value, aria, change, blur }: LeafProps) {
  return (
    <Input
      id={id}
      {...aria}
      type="date"
      className="form-short"
      status={aria['aria-invalid'] && 'error'}
      value={typeof value === 'string' ? value : ''}
      onChange={({ target }) => change(target.value || emptied(field))}
      onBlur={blur}
    />
  );
}

/** A moment is chosen in the viewer's time zone and kept in UTC. */
export function Moment({ id, field, value, aria, change, blur }: LeafProps) {
  return (
    <MomentInput
      id={id}
      {...aria}
      invalid={aria['aria-invalid'] ?? false}
      value={typeof value === 'string' ? value : undefined}
      change={(moment) => change(moment ?? emptied(field))}
      blur={blur}
    />
  );
}

interface MomentInputProps {
  id: string;
  'aria-describedby'?: string;
  'aria-required'?: true | undefined;
  invalid: boolean;
  value: string | undefined;
  change(moment: string | undefined): void;
  blur?(): void;
}

export function MomentInput({ invalid, value, change, blur, ...rest }: MomentInputProps) {
  // While it is written it is none yet: the browser keeps the parts.
  const [local, setLocal] = useState(() => toLocal(value));
  return (
    <Input
      {...rest}
      aria-invalid={invalid || undefined}
      type="datetime-local"
      step={1}
      className="form-short"
      status={invalid ? 'error' : ''}
      value={local}
      onChange={({ target }) => {
        setLocal(target.value);
        change(fromLocal(target.value));
      }}
      onBlur={blur}
    />
  );
}
