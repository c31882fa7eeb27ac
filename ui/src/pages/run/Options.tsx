// Reason, priority, start and deadline: seldom needed, so folded away until they are, or are wrong.

import { Input } from 'antd';
import { type ReactNode, useEffect, useId, useState } from 'react';
import type { JobType } from '../../api/schema';
import { ErrorLine } from '../../form/fields/templates';
import { MomentInput } from '../../form/fields/texts';
import type { OptionName, OptionsState } from './useOptions';

export function Options({ options, type, again }: { options: OptionsState; type: JobType; again: boolean }) {
  const [open, setOpen] = useState(false);
  const wrong = Object.keys(options.errors).length > 0;
  useEffect(() => {
    if (wrong) setOpen(true);
  }, [wrong]);
  return (
    <details className="form-more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{again ? 'More: reason' : 'More: reason, priority, start, deadline'}</summary>
      <div className="form-fields">
        <Reason options={options} />
        {again ? null : <Priority options={options} byDefault={type.priority} />}
        {again ? null : <Start options={options} />}
        {again ? null : <Deadline options={options} />}
        {again ? null : <UniqueKey options={options} />}
      </div>
    </details>
  );
}

function useControl(options: OptionsState, name: OptionName) {
  const id = useId();
  const error = options.errors[name];
  return {
    id,
    error,
    aria: { 'aria-invalid': error ? true : undefined, 'aria-describedby': `${id}-help ${id}-error` },
    status: error ? ('error' as const) : ('' as const),
  };
}

function Reason({ options }: { options: OptionsState }) {
  const { id, error, aria, status } = useControl(options, 'reason');
  return (
    <div className="form-field">
      <label htmlFor={id}>Reason</label>
      <Input
        id={id}
        {...aria}
        status={status}
        onChange={({ target }) => options.set('reason', target.value)}
        onBlur={() => options.touch('reason')}
      />
      <div id={`${id}-help`} className="form-help muted">
        Why, kept in the job's history.
      </div>
      <ErrorLine id={id} message={error} />
    </div>
  );
}

function Priority({ options, byDefault }: { options: OptionsState; byDefault: number }) {
  const { id, error, aria, status } = useControl(options, 'priority');
  return (
    <div className="form-field">
      <label htmlFor={id}>Priority</label>
      <Input
        id={id}
        {...aria}
        className="form-short number"
        status={status}
        inputMode="numeric"
        placeholder={String(byDefault)}
        onChange={({ target }) => options.set('priority', target.value)}
        onBlur={() => options.touch('priority')}
      />
      <div id={`${id}-help`} className="form-help muted">
        Of the jobs that wait, those with a higher number start first. From -1,000 to 1,000.
      </div>
      <ErrorLine id={id} message={error} />
    </div>
  );
}

function Start({ options }: { options: OptionsState }) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const past = options.values.run_at !== null && !options.later;
  return (
    <Moment options={options} name="run_at" label="Start">
      {past ? 'That is past: it starts at once.' : `Not before then, in your time (${zone}). At once when empty.`}
    </Moment>
  );
}

function Deadline({ options }: { options: OptionsState }) {
  return (
    <Moment options={options} name="expires_at" label="Deadline">
      Not started after then: a job that still waits is cancelled. No deadline when empty.
    </Moment>
  );
}

interface MomentProps {
  options: OptionsState;
  name: OptionName;
  label: string;
  children: ReactNode;
}

function Moment({ options, name, label, children }: MomentProps) {
  const { id, error, aria } = useControl(options, name);
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      <MomentInput
        id={id}
        aria-describedby={aria['aria-describedby']}
        invalid={error !== undefined}
        value={undefined}
        change={(moment) => options.set(name, moment)}
      />
      <div id={`${id}-help`} className="form-help muted">
        {children}
      </div>
      <ErrorLine id={id} message={error} />
    </div>
  );
}

function UniqueKey({ options }: { options: OptionsState }) {
  const { id, error, aria, status } = useControl(options, 'unique_key');
  return (
    <div className="form-field">
      <label htmlFor={id}>Unique key</label>
      <Input
        id={id}
        {...aria}
        className="form-mono"
        status={status}
        autoComplete="off"
        onChange={({ target }) => options.set('unique_key', target.value)}
        onBlur={() => options.touch('unique_key')}
      />
      <div id={`${id}-help`} className="form-help muted">
        Refused while another job of this type with the same key has not ended.
      </div>
      <ErrorLine id={id} message={error} />
    </div>
  );
}
