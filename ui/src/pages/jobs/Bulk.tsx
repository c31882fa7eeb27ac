// What can be done to the selected jobs, and what came of it: a bar over the lower edge of the window.

import { Button } from 'antd';
import { useState } from 'react';
import { Failed } from '../../app/Failed';
import { plural } from '../../job/words';
import { type Ask, BulkDialog } from './BulkDialog';
import { type Act, leftOut, outcome } from './bulk';
import { fitsEnded, fitsUnfinished } from './filter';
import type { Listed } from './list';
import { requestOf, type Selecting } from './selection';
import { useDone } from './useDone';

export function Bulk({ selecting, listed }: { selecting: Selecting; listed: Listed }) {
  const [ask, setAsk] = useState<Ask>();
  const done = useDone();
  const begin = (act: Act) => setAsk({ act, request: requestOf(selecting.selection, listed) });
  const { size, selection } = selecting;
  const can = (act: Act) => selection !== 'all' || (act === 'cancel' ? fitsUnfinished : fitsEnded)(listed.filter);

  return (
    <>
      <section className="bulk" aria-label="Selected jobs">
        <div role="status" className="bulk-said">
          {done.last ? <Result done={done} /> : size > 0 ? <Selected selecting={selecting} /> : null}
        </div>
        {size > 0 && selection !== 'all' && !done.last ? (
          <Button size="small" type="text" className="bulk-all" onClick={selecting.all}>
            Select all that match the filter
          </Button>
        ) : null}
        {size > 0 && !done.last ? (
          <div className="bulk-acts">
            {can('cancel') ? (
              <Button size="small" danger onClick={() => begin('cancel')}>
                Cancel…
              </Button>
            ) : null}
            {can('retry') ? (
              <Button size="small" onClick={() => begin('retry')}>
                Retry…
              </Button>
            ) : null}
            <Button size="small" type="text" onClick={selecting.none}>
              Clear selection
            </Button>
          </div>
        ) : null}
        {done.error ? <Failed error={done.error} again={done.goOn} /> : null}
      </section>
      {ask ? (
        <BulkDialog
          ask={ask}
          close={() => setAsk(undefined)}
          done={(tally, reason) => {
            selecting.none();
            done.set(ask, reason, tally);
          }}
        />
      ) : null}
    </>
  );
}

function Selected({ selecting: { selection, size } }: { selecting: Selecting }) {
  return <strong>{selection === 'all' ? 'All jobs that match the filter' : `${plural(size, 'job')} selected`}</strong>;
}

function Result({ done }: { done: ReturnType<typeof useDone> }) {
  if (!done.last) return null;
  const { act, tally } = done.last;
  return (
    <>
      <strong>{outcome(act, tally)}</strong>
      <span>{leftOut(act, tally)}</span>
      {tally.more ? (
        <>
          <span>There are more.</span>
          <Button size="small" type="primary" loading={done.isPending} onClick={done.goOn}>
            Go on
          </Button>
        </>
      ) : null}
      <Button size="small" type="text" onClick={done.dismiss}>
        Close
      </Button>
    </>
  );
}
