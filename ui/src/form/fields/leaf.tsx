// What every field that holds one value gets, and how it says that a person was there.

import type { FieldProps } from '@rjsf/utils';
import type { ComponentType } from 'react';
import type { Leaf } from '../params/fields';
import { fieldId, useFormState } from './state';

export interface LeafProps {
  id: string;
  field: Leaf;
  value: unknown;
  required: boolean;
  /** For screen readers: whether it is wrong, and what tells why. */
  aria: { 'aria-invalid': true | undefined; 'aria-describedby': string; 'aria-required': true | undefined };
  change(value: unknown): void;
  blur(): void;
  /** Says that what is written is no value at all, and why; undefined when it is one again. */
  broken(message: string | undefined): void;
}

/** A field of the form made of a component that shows one value. */
export function asField(Shown: ComponentType<LeafProps>) {
  return function LeafField({ uiSchema, formData, required = false, fieldPathId, rawErrors, onChange }: FieldProps) {
    const { touch, changed, setBroken } = useFormState();
    const path = fieldPathId.path.map(String);
    const id = fieldId(path);
    return (
      <Shown
        id={id}
        field={uiSchema?.['ui:options']?.shown as Leaf}
        value={formData}
        required={required}
        aria={{
          'aria-invalid': rawErrors?.length ? true : undefined,
          'aria-describedby': `${id}-help ${id}-error`,
          'aria-required': required || undefined,
        }}
        change={(value) => {
          changed(path);
          onChange(value, fieldPathId.path, undefined, id);
        }}
        blur={() => touch(path)}
        broken={(message) => setBroken(path, message)}
      />
    );
  };
}
