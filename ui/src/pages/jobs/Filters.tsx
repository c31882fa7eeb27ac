// Narrows the list. On a phone all but the search is folded away.

import { Button, Input, Select } from 'antd';
import { type ReactNode, useId, useState } from 'react';
import { useJobTypes } from '../../api/queries';
import { useTyped } from '../../app/typed';
import { STATUS_LABELS, STATUSES } from '../../job/status';
import { useChangeFilter, useFilter } from './address';
import { LONGEST_TEXT, OUTCOMES } from './filter';
import { Moment } from './Moment';
import { Quick } from './Quick';
import './filters.css';

export function Filters() {
  const filter = useFilter();
  const change = useChangeFilter();
  const types = useJobTypes();
  const [open, setOpen] = useState(false);
  const fields = useId();
  const narrowed = Object.keys(filter).filter((field) => field !== 'q').length;
  const search = useTyped(filter.q ?? '', (q, goesOn) => change({ q }, goesOn));
  const actor = useTyped(filter.actor ?? '', (by, goesOn) => change({ actor: by }, goesOn));

  return (
    <search className="filters" aria-label="Filter">
      <Quick />
      <Input
        {...search}
        type="search"
        allowClear
        maxLength={LONGEST_TEXT}
        aria-label="Text in the message, the error or the type, or an id"
        placeholder="Search messages, errors, types, ids"
      />
      <Button className="filters-fold" aria-expanded={open} aria-controls={fields} onClick={() => setOpen(!open)}>
        Filters{narrowed > 0 ? ` (${narrowed})` : ''}
      </Button>
      <div id={fields} className={`filters-fields ${open ? 'open' : ''}`}>
        <Field label="Status">
          {(id) => (
            <Several
              id={id}
              values={filter.status}
              options={STATUSES.map((value) => ({ value, label: STATUS_LABELS[value] }))}
              change={(status) => change({ status })}
            />
          )}
        </Field>
        <Field label="Type">
          {(id) => (
            <Several
              id={id}
              values={filter.type}
              options={(types ?? []).map(({ type, label }) => ({ value: type, label }))}
              change={(type) => change({ type })}
            />
          )}
        </Field>
        <Field label="Outcome">
          {(id) => (
            <Several
              id={id}
              values={filter.outcome}
              options={OUTCOMES.map((value) => ({ value, label: STATUS_LABELS[value] }))}
              change={(outcome) => change({ outcome })}
            />
          )}
        </Field>
        <Field label="Started by">
          {(id) => <Input id={id} {...actor} allowClear maxLength={LONGEST_TEXT} placeholder="Anyone" />}
        </Field>
        <Field label="Created from">
          {(id) => <Moment id={id} at={filter.since} change={(since, goesOn) => change({ since }, goesOn)} />}
        </Field>
        <Field label="Created before">
          {(id) => <Moment id={id} at={filter.until} change={(until, goesOn) => change({ until }, goesOn)} />}
        </Field>
      </div>
    </search>
  );
}

function Field({ label, children }: { label: string; children(id: string): ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
}

interface SeveralProps<T extends string> {
  id: string;
  values: T[] | undefined;
  options: { value: T; label: string }[];
  change(values: T[]): void;
}

function Several<T extends string>({ id, values = [], options, change }: SeveralProps<T>) {
  return (
    <Select
      id={id}
      mode="multiple"
      allowClear
      maxTagCount="responsive"
      placeholder="Any"
      optionFilterProp="label"
      value={values}
      options={options}
      onChange={change}
    />
  );
}
