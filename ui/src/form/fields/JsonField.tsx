// Whatever no other field fits, written as JSON.

import { Input } from 'antd';
import { useState } from 'react';
import { emptied } from '../params/fill';
import type { LeafProps } from './leaf';

export function JsonField({ id, field, value, aria, change, blur, broken }: LeafProps) {
  const [text, setText] = useState(() => (value === undefined || value === null ? '' : pretty(value)));
  const write = (written: string) => {
    setText(written);
    if (written.trim() === '') {
      broken(undefined);
      change(emptied(field));
      return;
    }
    try {
      change(JSON.parse(written));
      broken(undefined);
    } catch (error) {
      broken(`is not JSON yet: ${error instanceof Error ? error.message : error}`);
    }
  };
  return (
    <div>
      <Input.TextArea
        id={id}
        {...aria}
        className="form-mono"
        autoSize={{ minRows: 3, maxRows: 16 }}
        spellCheck={false}
        status={aria['aria-invalid'] && 'error'}
        placeholder="JSON"
        value={text}
        onChange={({ target }) => write(target.value)}
        onBlur={blur}
      />
      <details className="form-allowed">
        <summary>What is allowed here</summary>
        <pre>{pretty(allowed(field.schema))}</pre>
      </details>
    </div>
  );
}

function allowed({ title: _, description: __, default: ___, ...schema }: LeafProps['field']['schema']): unknown {
  return Object.keys(schema).length === 0 ? 'anything' : schema;
}

function pretty(value: unknown): string {
  return JSON.stringify(value, (key, part) => (key.startsWith('__absolute') ? undefined : part), 2);
}
