// What a person does to a job: stop it, run it again. Each asks for a reason, which the server keeps.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { App, Button, Input, Modal } from 'antd';
import { type ReactNode, useId, useState } from 'react';
import { api, unwrap } from '../api/client';
import { jobQuery } from '../api/queries';
import type { JobSummary } from '../api/schema';
import { Failed } from '../app/Failed';
import { store } from '../live/live';

interface ConfirmProps {
  title: string;
  children?: ReactNode;
  /** Where the reason is kept. */
  keptWith?: string;
  /** What the button says, and what it does with the reason. Fails with what is to be shown. */
  action: string;
  danger?: boolean;
  disabled?: boolean;
  act(reason: string | null): Promise<unknown>;
  close(): void;
}

/** Asks for a reason and does it. Stays open, with the error, when that fails. */
export function Confirm({ title, children, keptWith = 'the job', action, danger, disabled, act, close }: ConfirmProps) {
  const [reason, setReason] = useState('');
  const label = useId();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => act(reason.trim() || null),
    onSuccess: close,
  });
  const start = () => {
    if (!isPending && !disabled) mutate();
  };
  return (
    <Modal
      open
      title={title}
      onCancel={close}
      footer={[
        <Button key="close" onClick={close}>
          Leave it
        </Button>,
        <Button key="act" type="primary" danger={danger} aria-busy={isPending} disabled={disabled} onClick={start}>
          {action}
        </Button>,
      ]}
    >
      {children}
      <label htmlFor={label}>Reason, kept with {keptWith} (optional)</label>
      <Input
        id={label}
        value={reason}
        maxLength={500}
        autoFocus
        onChange={(event) => setReason(event.target.value)}
        onPressEnter={start}
      />
      {error ? <Failed error={error} /> : null}
    </Modal>
  );
}

/** Asks to cancel a job. */
export function CancelDialog({ job, close }: { job: JobSummary; close(): void }) {
  const act = async (reason: string | null) => {
    const call = api.POST('/api/jobs/{id}/cancel', { params: { path: { id: job.id } }, body: { reason } });
    store.apply([await unwrap(call)]);
  };
  const never = job.attempt > 0 ? 'It does not start again.' : 'It has not started, and never will.';
  const consequence = job.status === 'pending' ? never : 'What it did so far stays done.';
  return (
    <Confirm title="Cancel this job?" action="Cancel the job" danger act={act} close={close}>
      <p>{consequence}</p>
    </Confirm>
  );
}

/** Asks to run an ended job again, or only its failed items, and goes to the new job. */
export function RetryDialog({ job, onlyFailed, close }: { job: JobSummary; onlyFailed?: boolean; close(): void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const act = async (reason: string | null) => {
    const call = api.POST('/api/jobs/{id}/retry', {
      params: { path: { id: job.id } },
      body: { reason, only_failed_items: onlyFailed ?? false },
    });
    const created = await unwrap(call);
    store.apply([created]);
    void queries.invalidateQueries(jobQuery(job.id));
    void message.success('The new job is on its way.');
    await navigate({ to: '/jobs/$id', params: { id: created.id } });
  };
  return (
    <Confirm
      title={onlyFailed ? 'Run again with the failed items only?' : 'Run this job again?'}
      action={onlyFailed ? 'Retry the failed items' : 'Retry'}
      act={act}
      close={close}
    >
      <p>A new job is made with the same parameters{onlyFailed ? ' and only the items that failed' : ''}.</p>
    </Confirm>
  );
}
