// Names with a value each.

import type { Schema } from '@cfworker/json-schema';
import { Button, Input } from 'antd';
import { useState } from 'react';
import { isObject } from '../params/fill';
import { parseNumber } from '../params/numbers';
import type { LeafProps } from './leaf';

interface Row {
  /** Tells rows apart while names are written. */
  key: number;
  name: string;
  value: string;
}

export function MapField({ id, field, value, aria, change, blur, broken }: LeafProps) {
  const [rows, setRows] = useState<Row[]>(() => rowsOf(value));
  const text = (field.schema.additionalProperties as Schema).type === 'string';

  const set = (next: Row[]) => {
    const named = next.filter((row) => row.name !== '' || row.value !== '');
    const names = named.map((row) => row.name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    const entries = named.map((row) => [row.name, text ? row.value : (parseNumber(row.value) ?? '')]);
    setRows(next);
    broken(names.includes('') ? 'has a value without a name' : twice && `has the name “${twice}” twice`);
    change(named.length === 0 && field.nullable ? null : Object.fromEntries(entries));
  };
  const edit = (at: number, part: Partial<Row>) => set(rows.map((row, n) => (n === at ? { ...row, ...part } : row)));
  const nextKey = 1 + Math.max(0, ...rows.map((row) => row.key));

  return (
    <fieldset className="form-map" aria-labelledby={`${id}-label`} aria-describedby={aria['aria-describedby']}>
      {rows.map((row, at) => (
        <div key={row.key} className="form-map-row">
          <Input
            aria-label={`Name ${at + 1} of ${field.title}`}
            aria-invalid={aria['aria-invalid']}
            placeholder="Name"
            autoFocus={row.name === '' && row.value === ''}
            value={row.name}
            onChange={({ target }) => edit(at, { name: target.value })}
            onBlur={blur}
          />
          <Input
            aria-label={`Value ${at + 1} of ${field.title}`}
            aria-invalid={aria['aria-invalid']}
            placeholder="Value"
            inputMode={text ? 'text' : 'decimal'}
            value={row.value}
            onChange={({ target }) => edit(at, { value: target.value })}
            onBlur={blur}
          />
          <Button onClick={() => set(rows.toSpliced(at, 1))} aria-label={`Remove ${row.name || `entry ${at + 1}`}`}>
            Remove
          </Button>
        </div>
      ))}
      <Button
        id={id}
        aria-label={`Add an entry to ${field.title}`}
        onClick={() => setRows([...rows, { key: nextKey, name: '', value: '' }])}
      >
        Add an entry
      </Button>
    </fieldset>
  );
}

function rowsOf(value: unknown): Row[] {
  const entries = isObject(value) ? Object.entries(value) : [];
  return entries.map(([name, held], key) => ({ key, name, value: String(held) }));
}
