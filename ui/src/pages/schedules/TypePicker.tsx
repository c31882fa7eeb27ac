// The choice of what a schedule runs.

import { Select } from 'antd';
import type { JobType } from '../../api/schema';
import { TypeIcon } from '../../job/TypeIcon';
import { Field } from './Field';

interface Props {
  types: JobType[];
  value: string | undefined;
  error?: string;
  change(type: string): void;
}

export function TypePicker({ types, value, error, change }: Props) {
  const known = types.find(({ type }) => type === value);
  const options = types
    .toSorted((a, b) => a.label.localeCompare(b.label))
    .map(({ type, label, icon }) => ({ value: type, label, icon }));
  return (
    <Field label="What it runs" required error={error} help={known?.description.split('\n\n')[0]}>
      {({ status, ...control }) => (
        <Select
          {...control}
          {...(status ? { status } : {})}
          className="form-select"
          placeholder="Choose a job type"
          value={value ?? null}
          options={options}
          optionRender={({ data }) => (
            <>
              <TypeIcon name={data.icon} /> {data.label}
            </>
          )}
          showSearch={{ optionFilterProp: 'label' }}
          onChange={(type) => type && change(type)}
        />
      )}
    </Field>
  );
}
