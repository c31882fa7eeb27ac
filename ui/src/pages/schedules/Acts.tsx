// What can be done with a schedule: switch it, have it run at once, change it, delete it.

import { useNavigate } from '@tanstack/react-router';
import { App, Button, Switch } from 'antd';
import { useState } from 'react';
import type { Schedule } from '../../api/schema';
import { Confirm } from '../../job/actions';
import { Refused } from '../../job/Refused';
import { useDelete, useRunNow, useSwitch } from './useSchedules';

/** Long enough to be read, and pressed. */
const SAID_S = 6;

export function Enabled({ schedule }: { schedule: Schedule }) {
  const { mutate, isPending, error, variables } = useSwitch(schedule);
  const on = isPending ? variables : schedule.enabled;
  return (
    <>
      <Switch
        checked={on}
        loading={isPending}
        aria-label={`${schedule.name} is on`}
        title={on ? 'On: it makes jobs when it is due' : 'Off: it makes no jobs by itself'}
        onChange={(next) => mutate(next)}
      />
      {error ? <Refused error={error} /> : null}
    </>
  );
}

export function Acts({ schedule }: { schedule: Schedule }) {
  const navigate = useNavigate();
  const { message } = App.useApp();
  const [deleting, setDeleting] = useState(false);
  const run = useRunNow(schedule);
  const remove = useDelete(schedule);
  const runNow = () =>
    run.mutate(undefined, {
      onSuccess: ({ id }) => {
        // A message stands outside of the router: it has no links.
        const see = () => {
          message.destroy(id);
          void navigate({ to: '/jobs/$id', params: { id } });
        };
        void message.success({
          key: id,
          duration: SAID_S,
          content: (
            <>
              The job is on its way.{' '}
              <Button size="small" onClick={see}>
                See it
              </Button>
            </>
          ),
        });
      },
    });
  return (
    <>
      <span className="schedule-acts">
        <Button size="small" disabled={run.isPending} aria-label={`Run ${schedule.name} now`} onClick={runNow}>
          Run now
        </Button>
        <Button
          size="small"
          aria-label={`Edit ${schedule.name}`}
          onClick={() => void navigate({ to: '/schedules/$id/edit', params: { id: schedule.id } })}
        >
          Edit
        </Button>
        <Button
          size="small"
          type="text"
          danger
          aria-label={`Delete ${schedule.name}`}
          onClick={() => setDeleting(true)}
        >
          Delete
        </Button>
      </span>
      {run.error ? <Refused error={run.error} dismiss={run.reset} /> : null}
      {deleting ? (
        <Confirm
          title={`Delete ${schedule.name}?`}
          action="Delete the schedule"
          danger
          keptWith="the server's log"
          act={async (reason) => {
            await remove(reason);
            await navigate({ to: '/schedules' });
          }}
          close={() => setDeleting(false)}
        >
          <p>It makes no more jobs, and its history goes. The jobs that it made stay, also those that wait.</p>
        </Confirm>
      ) : null}
    </>
  );
}
