// A group or a list that may be nothing at all: switched on and off.

import type { FieldProps } from '@rjsf/utils';
import { Checkbox } from 'antd';
import type { ComponentType } from 'react';
import type { Field } from '../params/fields';
import { emptyGroup } from '../params/fill';
import { Prose } from './Prose';
import { fieldId, useFormState } from './state';
import { ErrorLine } from './templates';

export function Optional(props: FieldProps) {
  const { formData, fieldPathId, registry, onChange, uiSchema, rawErrors } = props;
  const field = uiSchema?.['ui:options']?.shown as Field;
  const { changed } = useFormState();
  const path = fieldPathId.path.map(String);
  const id = fieldId(path);
  const SchemaField = registry.fields.SchemaField as ComponentType<FieldProps>;
  const on = formData !== null && formData !== undefined;
  const { 'ui:field': _, ...inside } = uiSchema ?? {};
  const set = (checked: boolean) => {
    const first = field.kind === 'group' ? emptyGroup(field) : [];
    changed(path);
    onChange(checked ? first : null, fieldPathId.path, undefined, id);
  };
  return (
    <div className="form-field">
      <Checkbox id={id} checked={on} aria-describedby={`${id}-help`} onChange={({ target }) => set(target.checked)}>
        {field.title}
      </Checkbox>
      <div id={`${id}-help`} className="form-help muted">
        {field.description && !on ? <Prose text={field.description} /> : null}
      </div>
      {on ? <SchemaField {...props} uiSchema={inside} /> : <ErrorLine id={id} message={rawErrors?.[0]} />}
    </div>
  );
}
