// A value of a job under its name, to be read and copied.

import type { ReactNode } from 'react';
import { CopyButton } from './CopyButton';
import { Json } from './Json';

interface Props {
  title: string;
  value: unknown;
  /** What is said where there is no value. */
  none: ReactNode;
}

export function JsonPanel({ title, value, none }: Props) {
  const empty = value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {empty ? null : (
          <CopyButton text={JSON.stringify(value, null, 2)} what={`the ${title.toLowerCase()} as JSON`} />
        )}
      </div>
      {empty ? <p className="muted">{none}</p> : <Json value={value} />}
    </section>
  );
}
