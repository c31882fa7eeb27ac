// The form of a schedule whose type is chosen: what it is called, when it is due, with which params, and what happens otherwise.

import { Alert, Button, Checkbox, Input } from 'antd';
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import type { JobType, Schedule } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { ParamsForm } from '../../form/ParamsForm';
import type { Params } from '../../form/params/fill';
import { useParams } from '../../form/useParams';
import { CATCH_UPS, OVERLAPS } from './choices';
import { Field } from './Field';
import { Policy } from './Policy';
import type { FieldsState } from './useFields';
import { useSave } from './useSave';
import { When } from './When';

interface Props {
  type: JobType;
  /** The schedule that is changed. */
  from: Schedule | undefined;
  /** Params to begin with; the defaults when undefined. */
  params: Params | undefined;
  fields: FieldsState;
  /** What stands before the name: the choice of the type. */
  children: ReactNode;
}

export function ScheduleForm({ type, from, params, fields, children }: Props) {
  const form = useParams(type, params);
  const frame = useRef<HTMLFormElement>(null);
  const [refusals, setRefusals] = useState(0);
  const refused = () => setRefusals((n) => n + 1);
  const { save, saving, failure } = useSave({ type, from, fields, form, refused });

  // The first field that is wrong.
  useEffect(() => {
    if (refusals > 0) frame.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [refusals]);

  const submit = () => {
    if (saving) return;
    if (fields.valid && form.valid) return save();
    fields.reveal();
    form.reveal();
    refused();
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit();
  };
  const { values, errors } = fields;
  return (
    <form className="panel schedule-form" ref={frame} onSubmit={onSubmit} noValidate>
      {children}
      <Field label="Name" required error={errors.name} help="What people call it; no other has this name.">
        {(control) => (
          <Input
            {...control}
            autoComplete="off"
            value={values.name}
            onChange={({ target }) => fields.set('name', target.value)}
            onBlur={() => fields.touch('name')}
          />
        )}
      </Field>
      <h2>When</h2>
      <When fields={fields} />
      <h2>Parameters of its jobs</h2>
      {form.droppedAtFirst.length > 0 ? (
        <Alert
          type="warning"
          showIcon
          title={`Left out, because this type does not take it like that: ${form.droppedAtFirst.join(', ')}.`}
        />
      ) : null}
      <ParamsForm form={form} submit={submit} inside />
      {form.elsewhere.length > 0 ? (
        <Alert type="error" showIcon title={form.elsewhere.map((message) => <div key={message}>{message}</div>)} />
      ) : null}
      <h2>Otherwise</h2>
      <Policy
        legend="When it is due and an earlier job has not ended"
        choices={OVERLAPS}
        value={values.overlap}
        change={(overlap) => fields.set('overlap', overlap)}
      />
      <Policy
        legend="When times were missed"
        choices={CATCH_UPS}
        value={values.catch_up}
        change={(catch_up) => fields.set('catch_up', catch_up)}
      />
      <More fields={fields} byDefault={type.priority} />
      <Checkbox checked={values.enabled} onChange={({ target }) => fields.set('enabled', target.checked)}>
        Switched on
      </Checkbox>
      {failure ? <Failed error={failure} /> : null}
      <div className="form-submit">
        <Button type="primary" htmlType="submit" size="large" aria-busy={saving}>
          {from ? 'Save' : 'Create the schedule'}
        </Button>
        {saving ? (
          <span className="form-sending muted" role="status">
            On its way …
          </span>
        ) : null}
      </div>
    </form>
  );
}

/** Seldom needed, so folded away until it is, or is wrong. */
function More({ fields, byDefault }: { fields: FieldsState; byDefault: number }) {
  const { values, errors } = fields;
  const wrong = Boolean(errors.priority || errors.reason);
  const [open, setOpen] = useState(values.priority !== '');
  useEffect(() => {
    if (wrong) setOpen(true);
  }, [wrong]);
  return (
    <details className="form-more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>More: priority, reason</summary>
      <div className="form-fields">
        <Field
          label="Priority"
          error={errors.priority}
          help="Of its jobs. Of the jobs that wait, those with a higher number start first. From -1,000 to 1,000."
        >
          {(control) => (
            <Input
              {...control}
              className="form-short number"
              inputMode="numeric"
              placeholder={String(byDefault)}
              value={values.priority}
              onChange={({ target }) => fields.set('priority', target.value)}
              onBlur={() => fields.touch('priority')}
            />
          )}
        </Field>
        <Field label="Reason" error={errors.reason} help="Why, kept in the schedule's history.">
          {(control) => (
            <Input
              {...control}
              value={values.reason}
              onChange={({ target }) => fields.set('reason', target.value)}
              onBlur={() => fields.touch('reason')}
            />
          )}
        </Field>
      </div>
    </details>
  );
}
