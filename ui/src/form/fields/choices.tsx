// Fields with a known set of values: yes or no, one of several, some of several.

import { Checkbox, Select } from 'antd';
import type { Choice } from '../params/fields';
import { emptied } from '../params/fill';
import type { LeafProps } from './leaf';

export function Toggle({ id, field, value, aria, change, blur }: LeafProps) {
  return (
    <Checkbox
      id={id}
      {...aria}
      checked={(value ?? field.schema.default) === true}
      onChange={({ target }) => change(target.checked)}
      onBlur={blur}
    >
      {field.title}
    </Checkbox>
  );
}

export function OneOf({ id, field, value, required, aria, change, blur }: LeafProps) {
  const chosen = field.choices.find((choice) => choice.value === (value === undefined ? field.schema.default : value));
  return (
    <>
      <Select
        id={id}
        {...aria}
        className="form-select"
        status={aria['aria-invalid'] && 'error'}
        // With a default there is no nothing.
        allowClear={field.nullable || (!required && field.schema.default === undefined)}
        placeholder={field.nullable ? 'None' : 'Choose one'}
        value={chosen?.value}
        options={options(field.choices)}
        optionRender={({ value }) => <Option choice={field.choices.find((choice) => choice.value === value)} />}
        showSearch={field.choices.length > 10 ? { optionFilterProp: 'label' } : false}
        onChange={(next) => change(next ?? emptied(field))}
        onBlur={blur}
      />
      {field.choices.some((choice) => choice.description) ? (
        <div className="form-chosen muted">{chosen?.description}</div>
      ) : null}
    </>
  );
}

export function SomeOf({ id, field, value, aria, change, blur }: LeafProps) {
  const chosen = Array.isArray(value) ? value : [];
  return (
    <Select
      id={id}
      {...aria}
      className="form-select"
      mode="multiple"
      status={aria['aria-invalid'] && 'error'}
      allowClear
      placeholder="Choose any"
      value={chosen}
      options={options(field.choices)}
      optionRender={({ value }) => <Option choice={field.choices.find((choice) => choice.value === value)} />}
      showSearch={{ optionFilterProp: 'label' }}
      onChange={(next) => change(next.length > 0 ? next : emptied(field))}
      onBlur={blur}
    />
  );
}

function options(choices: Choice[]) {
  return choices.map(({ value, title }) => ({ value, label: title }));
}

function Option({ choice }: { choice: Choice | undefined }) {
  return (
    <div className="form-option">
      {choice?.title}
      {choice?.description ? <div className="muted">{choice.description}</div> : null}
    </div>
  );
}
