// One runner: its slots and what is in them, and what went wrong with it.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { api, unwrap } from '../../api/client';
import { jobTypesQuery } from '../../api/queries';
import type { JobType } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { Policies } from '../../job/Policies';
import { ColorTag, TypeTag } from '../../job/tags';
import { When } from '../../job/times';
import { plural } from '../../job/words';
import { RunnerJobs } from './RunnerJobs';

const ADMISSIONS: Record<JobType['admission'], string> = {
  per_node: 'on each node',
  serial: 'one at a time in the whole cluster, the others wait',
  exclusive: 'one in the whole cluster, a second is refused',
};

export function Runner({ type, pause }: { type: JobType; pause(type: JobType): void }) {
  const { runner, paused } = type;
  // Whoever waits for jobs that he started has given his slot back.
  const waiting = Math.max(0, runner.running - runner.slots);
  return (
    <li className="runner">
      <div className="runner-head">
        <h3>
          <TypeTag type={type.type} />
        </h3>
        <span>
          <strong className="number">
            {Math.min(runner.running, runner.slots)} of {runner.slots}
          </strong>{' '}
          <span className="muted">
            slots taken, {ADMISSIONS[type.admission]}
            {waiting > 0
              ? `; ${plural(waiting, 'job')} ${waiting === 1 ? 'waits' : 'wait'} for jobs of their own`
              : null}
            {runner.mailbox > 0 ? `; ${plural(runner.mailbox, 'message')} wait in its mailbox` : null}
          </span>
        </span>
        <Slots taken={runner.running} of={runner.slots} />
        {paused ? (
          <Resume type={type} />
        ) : (
          <Button size="small" onClick={() => pause(type)}>
            Pause
          </Button>
        )}
      </div>
      <Policies type={type} />
      {paused ? (
        <p>
          <ColorTag color="orange">paused</ColorTag> by {paused.by} <When at={paused.at} />
          {paused.reason ? `: ${paused.reason}` : null}. Jobs of this type wait; what runs goes on.
        </p>
      ) : null}
      <RunnerJobs type={type} />
      {runner.restarts > 0 || runner.last_panic ? (
        <p className="runner-trouble">
          {runner.restarts > 0 ? `Restarted ${plural(runner.restarts, 'time')} by the supervisor. ` : null}
          {runner.last_panic ? (
            <>
              Last panic of a job: <code>{runner.last_panic}</code>
            </>
          ) : null}
        </p>
      ) : null}
    </li>
  );
}

/** The slots as boxes, as long as they can be counted at a glance. */
function Slots({ taken, of }: { taken: number; of: number }) {
  if (of > 16) return <span />;
  return (
    <span className="slots" aria-hidden="true">
      {Array.from({ length: of }, (_, slot) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a slot is its place
        <span key={slot} className={slot < taken ? 'taken' : undefined} />
      ))}
    </span>
  );
}

function Resume({ type }: { type: JobType }) {
  const queries = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      unwrap(api.POST('/api/job-types/{type}/resume', { params: { path: { type: type.type } }, body: {} })),
    onSuccess: () => queries.invalidateQueries(jobTypesQuery),
  });
  return (
    <>
      <Button size="small" type="primary" disabled={isPending} onClick={() => mutate()}>
        Resume
      </Button>
      {error ? <Failed error={error} /> : null}
    </>
  );
}
