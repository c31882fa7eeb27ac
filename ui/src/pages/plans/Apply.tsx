// Has a job write the approved changes to Stash.

import { Button, Checkbox } from 'antd';
import { useState } from 'react';
import type { Plan } from '../../api/schema';
import { Confirm } from '../../job/actions';
import { plural } from '../../job/words';
import type { Applied } from './useApplied';

export function Apply({ plan, applied }: { plan: Plan; applied: Applied }) {
  const [asking, setAsking] = useState(false);
  const [also, setAlso] = useState(false);
  const { pending, approved, failed } = plan.changes;
  const ready = approved + failed;
  if (ready + pending === 0) return null;
  const chosen = ready + (also ? pending : 0);
  return (
    <>
      <Button type="primary" disabled={applied.running} onClick={() => setAsking(true)}>
        {ready > 0 ? `Apply ${plural(ready, 'change')}…` : 'Apply…'}
      </Button>
      {asking ? (
        <Confirm
          title="Apply this plan to Stash?"
          action={chosen > 0 ? `Apply ${plural(chosen, 'change')}` : 'Apply'}
          disabled={chosen === 0}
          act={(reason) => applied.start(also, reason)}
          close={() => setAsking(false)}
        >
          <p>
            {ready > 0
              ? `${plural(ready, 'change')} ${ready === 1 ? 'is' : 'are'} written to Stash. `
              : 'No change is approved. '}
            A scene that was changed in Stash since the plan was made is left as it is.
          </p>
          {pending > 0 ? (
            <p>
              <Checkbox checked={also} onChange={({ target }) => setAlso(target.checked)}>
                Also {plural(pending, 'change')} that nobody has decided on
              </Checkbox>
            </p>
          ) : null}
        </Confirm>
      ) : null}
    </>
  );
}
