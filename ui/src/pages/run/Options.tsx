// Reason, priority and start: seldom needed, so folded away until they are, or are wrong.

import { Input } from 'antd';
import { useEffect, useId, useState } from 'react';
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
      <summary>{again ? 'More: reason' : 'More: reason, priority, start'}</summary>
      <div className="form-fields">
        <Reason options={options} />
        {again ? null : <Priority options={options} byDefault={type.priority} />}
        {again ? null : <Start options={options} />}
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
  const { id, error, aria } = useControl(options, 'run_at');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const past = options.values.run_at !== null && !options.later;
  return (
    <div className="form-field">
      <label htmlFor={id}>Start</label>
      <MomentInput
        id={id}
        aria-describedby={aria['aria-describedby']}
        invalid={error !== undefined}
        value={undefined}
        change={(moment) => options.set('run_at', moment)}
      />
      <div id={`${id}-help`} className="form-help muted">
        {past ? 'That is past: it starts at once.' : `Not before then, in your time (${zone}). At once when empty.`}
      </div>
      <ErrorLine id={id} message={error} />
    </div>
  );
}
