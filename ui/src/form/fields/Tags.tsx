// A list of texts or numbers. A whole list can be pasted, whatever its entries are parted by.

import CloseOutlined from '@ant-design/icons/es/icons/CloseOutlined';
import type { Schema } from '@cfworker/json-schema';
import { Button, Input } from 'antd';
import { useRef, useState } from 'react';
import { plural } from '../../job/words';
import { emptied } from '../params/fill';
import { parseNumber } from '../params/numbers';
import { split } from '../params/split';
import type { LeafProps } from './leaf';

export function Tags({ id, field, value, aria, change, blur }: LeafProps) {
  const [text, setText] = useState('');
  const list = useRef<HTMLUListElement>(null);
  const entries: unknown[] = Array.isArray(value) ? value : [];
  const numeric = (field.schema.items as Schema).type !== 'string';

  const set = (next: unknown[]) => change(next.length > 0 ? next : emptied(field));
  const add = (more: string[]) => {
    setText('');
    if (more.length > 0) set([...entries, ...more.map((entry) => (numeric ? (parseNumber(entry) ?? entry) : entry))]);
  };
  // What is typed may hold spaces: it is one entry.
  const addTyped = (typed: string) => add(typed.includes(',') ? split(typed, entries) : [typed.trim()].filter(isNew));
  const isNew = (entry: string) => entry !== '' && !entries.map(String).includes(entry);

  return (
    <div className={`form-tags${aria['aria-invalid'] ? ' wrong' : ''}`}>
      {entries.length > 0 ? (
        <ul ref={list} aria-label={field.title}>
          {entries.map((entry, at) => (
            <li key={String(entry)}>
              <span>{String(entry)}</span>
              <button type="button" aria-label={`Remove ${entry}`} onClick={() => set(entries.toSpliced(at, 1))}>
                <CloseOutlined aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      ) : null}
      <div className="form-tags-input">
        <Input
          id={id}
          {...aria}
          variant="borderless"
          autoComplete="off"
          placeholder={entries.length === 0 ? 'Write one and press Enter, or paste a list' : 'Add more'}
          value={text}
          onChange={({ target }) => (target.value.endsWith(',') ? addTyped(target.value) : setText(target.value))}
          onPaste={(event) => {
            const pasted = event.clipboardData.getData('text/plain');
            if (!/[\s,;]/.test(pasted.trim())) return;
            event.preventDefault();
            add(split(pasted, entries));
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && text.trim() !== '') {
              event.preventDefault();
              addTyped(text);
            } else if (event.key === 'Backspace' && text === '' && entries.length > 0) set(entries.slice(0, -1));
          }}
          onBlur={() => {
            addTyped(text);
            blur();
          }}
        />
        {entries.length > 3 ? (
          <Button type="text" size="small" onClick={() => set([])}>
            Clear {plural(entries.length, 'entry', 'entries')}
          </Button>
        ) : null}
      </div>
    </div>
  );
}
