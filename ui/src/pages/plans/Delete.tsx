// Deletes a plan.

import { useNavigate } from '@tanstack/react-router';
import { Button } from 'antd';
import { useState } from 'react';
import type { Plan } from '../../api/schema';
import { Confirm } from '../../job/actions';
import { useDelete } from './usePlans';

export function Delete({ plan }: { plan: Plan }) {
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const remove = useDelete(plan.id);
  return (
    <>
      <Button type="text" danger onClick={() => setAsking(true)}>
        Delete
      </Button>
      {asking ? (
        <Confirm
          title={`Delete ${plan.name}?`}
          action="Delete the plan"
          danger
          keptWith="the server’s log"
          act={async (reason) => {
            await remove(reason);
            await navigate({ to: '/plans' });
          }}
          close={() => setAsking(false)}
        >
          <p>Its changes go with it. What was applied stays in Stash.</p>
        </Confirm>
      ) : null}
    </>
  );
}
