// The items that a retry of failed items is about.

import { Button } from 'antd';
import { useState } from 'react';
import { CopyButton } from '../../job/CopyButton';
import { count, plural } from '../../job/words';

const PART = 50;

export function OnlyItems({ items }: { items: string[] }) {
  const [shown, setShown] = useState(PART);
  const more = items.length - shown;
  return (
    <section className="panel" aria-label="Only these items">
      <div className="panel-head">
        <h2>Only these items</h2>
        <CopyButton text={items.join('\n')} what="the items" />
      </div>
      <p className="muted">It does only the {plural(items.length, 'item')} that failed in the job that it retries.</p>
      <ul className="only-items">
        {items.slice(0, shown).map((item) => (
          <li key={item}>{item}</li>
        ))}
      </ul>
      {more > 0 ? (
        <Button size="small" onClick={() => setShown(shown + 20 * PART)}>
          {count(more)} more
        </Button>
      ) : null}
    </section>
  );
}
