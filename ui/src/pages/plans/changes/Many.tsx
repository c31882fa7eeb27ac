// Deciding on all pending changes that are sure enough, with how many those are.

import { Button } from 'antd';
import { useId, useState } from 'react';
import type { Plan } from '../../../api/schema';
import { Failed } from '../../../app/Failed';
import { count, plural } from '../../../job/words';
import type { ChangeFilter } from '../filter';
import { FIELD_LABELS } from '../words';
import { usePending } from './useChanges';
import type { Decide } from './useDecide';

interface Props {
  plan: Plan;
  filter: ChangeFilter;
  decide: Decide;
}

export function Many({ plan, filter, decide }: Props) {
  const slider = useId();
  const [least, setLeast] = useState(80);
  const { pending: known } = plan.changes;
  const { data: pending, error, refetch } = usePending(plan.id, filter.field, known);
  if (known === 0) return null;
  if (error) return <Failed error={error} again={() => void refetch()} />;
  const chosen = (pending ?? []).filter(({ confidence }) => Math.round(confidence * 100) >= least).map(({ id }) => id);
  const fields = filter.field?.map((field) => FIELD_LABELS[field].toLowerCase()).join(', ');
  return (
    <section className="panel many" aria-label="Decide on many">
      <label htmlFor={slider}>At least so sure</label>
      <input
        id={slider}
        type="range"
        min={0}
        max={100}
        value={least}
        aria-valuetext={`${least}%`}
        onChange={({ target }) => setLeast(Number(target.value))}
      />
      <output htmlFor={slider} className="number many-least">
        {least}%
      </output>
      <span className="many-found" role="status">
        {pending ? (
          <>
            <strong className="number">{count(chosen.length)}</strong> of {plural(pending.length, 'pending change')}
            {fields ? ` of ${fields}` : ''}
          </>
        ) : (
          'Being counted…'
        )}
      </span>
      <span className="many-acts">
        <Button disabled={chosen.length === 0} onClick={() => decide('approve', chosen)}>
          Approve {count(chosen.length)}
        </Button>
        <Button disabled={chosen.length === 0} onClick={() => decide('reject', chosen)}>
          Reject {count(chosen.length)}
        </Button>
        <Button type="text" disabled={least === 0} onClick={() => setLeast(0)}>
          All
        </Button>
      </span>
    </section>
  );
}
