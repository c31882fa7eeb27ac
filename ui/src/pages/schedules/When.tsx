// When a schedule is due: the cron line with what it means, and the time zone on whose clocks.

import { Button, Input, Select } from 'antd';
import { useMemo } from 'react';
import { Failed } from '../../app/Failed';
import { Due } from './Due';
import { Field } from './Field';
import type { FieldsState } from './useFields';
import { type Previewed, usePreview } from './usePreview';
import { HERE, isHere, zones } from './zones';

/** What many want, to begin with. */
const LINES: readonly [label: string, cron: string][] = [
  ['Every 10 minutes', '*/10 * * * *'],
  ['Every hour', '0 * * * *'],
  ['Every night', '30 2 * * *'],
  ['Every Monday', '0 6 * * MON'],
  ['First of the month', '0 6 1 * *'],
];

export function When({ fields }: { fields: FieldsState }) {
  const { cron, time_zone } = fields.values;
  const previewed = usePreview(cron, time_zone);
  const errors = { ...previewed.errors, ...fields.errors };
  return (
    <div className="schedule-when">
      <div>
        <Field
          label="Cron line"
          required
          error={errors.cron}
          help={
            <>
              Minute, hour, day of the month, month, weekday: <code>30 2 * * 1</code> is each Monday at 02:30. Six
              fields begin with seconds.
            </>
          }
        >
          {(control) => (
            <Input
              {...control}
              className="form-mono"
              autoComplete="off"
              spellCheck={false}
              maxLength={200}
              placeholder="30 2 * * *"
              value={cron}
              onChange={({ target }) => fields.set('cron', target.value)}
              onBlur={() => fields.touch('cron')}
            />
          )}
        </Field>
        <fieldset className="schedule-lines" aria-label="Lines to begin with">
          {LINES.map(([label, line]) => (
            <Button key={line} size="small" onClick={() => fields.set('cron', line)}>
              {label}
            </Button>
          ))}
        </fieldset>
        <Zone fields={fields} error={errors.time_zone} />
      </div>
      <Meaning previewed={previewed} zone={time_zone} />
    </div>
  );
}

function Zone({ fields, error }: { fields: FieldsState; error: string | undefined }) {
  const { time_zone } = fields.values;
  const options = useMemo(() => zones(time_zone).map((zone) => ({ value: zone, label: zone })), [time_zone]);
  const help = isHere(time_zone) ? 'Your own.' : `Not your own, which is ${HERE}.`;
  return (
    <Field label="Time zone" error={error} help={`On the clocks of this zone, summer time included. ${help}`}>
      {({ status, ...control }) => (
        <Select
          {...control}
          {...(status ? { status } : {})}
          className="form-select"
          value={time_zone}
          options={options}
          showSearch={{ filterOption: (typed, option) => isCalled(option?.value ?? '', typed) }}
          onChange={(zone) => fields.set('time_zone', zone)}
        />
      )}
    </Field>
  );
}

/** `new york` finds `America/New_York`. */
function isCalled(zone: string, typed: string): boolean {
  return zone.toLowerCase().replaceAll('_', ' ').includes(typed.trim().toLowerCase().replaceAll('_', ' '));
}

function Meaning({ previewed: { preview, errors, failure, current }, zone }: { previewed: Previewed; zone: string }) {
  const next = preview?.next ?? [];
  const words = preview?.words ?? (errors.cron ? 'Not understood yet' : 'Nothing yet');
  return (
    <section className={current ? 'meaning' : 'meaning stale'} aria-label="What it means" aria-live="polite">
      <p className="meaning-words">{words}</p>
      <p className="muted">
        {preview
          ? 'Next times, on your clock:'
          : 'Write a cron line, or take one of those at hand: here you see what it means and when it is next due.'}
      </p>
      {failure ? <Failed error={failure} /> : null}
      <ol className="next-runs">
        {next.map((at) => (
          <li key={at}>
            <Due at={at} zone={zone} />
          </li>
        ))}
      </ol>
    </section>
  );
}
