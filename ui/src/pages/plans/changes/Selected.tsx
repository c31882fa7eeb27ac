// What can be done to the selected changes: a bar over the lower edge of the window.

import { Button } from 'antd';
import { plural } from '../../../job/words';
import type { Verdict } from './useDecide';

interface Props {
  count: number;
  decide(verdict: Verdict): void;
  clear(): void;
}

export function Selected({ count, decide, clear }: Props) {
  return (
    <section className="picked-bar" aria-label="Selected changes">
      <strong role="status">{count > 0 ? `${plural(count, 'change')} selected` : null}</strong>
      {count > 0 ? (
        <div className="picked-acts">
          <Button size="small" type="primary" onClick={() => decide('approve')}>
            Approve
          </Button>
          <Button size="small" onClick={() => decide('reject')}>
            Reject
          </Button>
          <Button size="small" type="text" onClick={clear}>
            Clear selection
          </Button>
        </div>
      ) : null}
    </section>
  );
}
