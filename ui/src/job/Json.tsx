// A JSON value as a tree: short ones open, long ones a part at a time.

import { Button } from 'antd';
import { memo, useState } from 'react';
import { count } from './words';
import './json.css';

/** Entries that are shown at once; more come by the button. */
const PART = 100;

export const Json = memo(function Json({ value }: { value: unknown }) {
  return (
    <div className="json">
      <Value value={value} depth={0} />
    </div>
  );
});

function Value({ value, depth }: { value: unknown; depth: number }) {
  if (Array.isArray(value)) return <Entries entries={value.map((v, at) => [String(at), v])} open="[" depth={depth} />;
  if (typeof value === 'object' && value !== null)
    return <Entries entries={Object.entries(value)} open="{" depth={depth} />;
  const text = typeof value === 'string' ? value || '""' : JSON.stringify(value);
  return <span className={`json-${value === null ? 'null' : typeof value}`}>{text}</span>;
}

function Entries({ entries, open, depth }: { entries: [string, unknown][]; open: '[' | '{'; depth: number }) {
  const [shown, setShown] = useState(PART);
  if (entries.length === 0) return <span className="json-null">{open === '[' ? '[ ]' : '{ }'}</span>;
  const list = (
    <dl className="json-entries">
      {entries.slice(0, shown).map(([name, value]) => (
        <div key={name} className={isNested(value) ? 'json-nested' : undefined}>
          <dt>{name}</dt>
          <dd>
            <Value value={value} depth={depth + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
  const more = entries.length - shown;
  const all = (
    <>
      {list}
      {more > 0 ? (
        <Button size="small" onClick={() => setShown(shown + 10 * PART)}>
          {count(more)} more
        </Button>
      ) : null}
    </>
  );
  if (depth === 0) return all;
  return (
    <details open={depth < 3 && entries.length <= 20}>
      <summary className="muted">
        {open === '[' ? `${count(entries.length)} in a list` : `${count(entries.length)} fields`}
      </summary>
      {all}
    </details>
  );
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}
