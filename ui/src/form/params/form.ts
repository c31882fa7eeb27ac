// The tree of fields as rjsf takes it: a schema that says what is inside of what, and the field that shows each part.
//
// rjsf does not see what the values must be: it would fill in defaults again after a person emptied a field.

import type { RJSFSchema, UiSchema } from '@rjsf/utils';
import type { Field } from './fields';

export interface FormSchemas {
  schema: RJSFSchema;
  uiSchema: UiSchema;
}

export function formSchemas(field: Field): FormSchemas {
  const shown = field.kind === 'group' || field.kind === 'list' ? inner(field) : leaf(field);
  // What may be nothing at all is switched on and off.
  if (!field.nullable || (field.kind !== 'group' && field.kind !== 'list')) return shown;
  return { schema: shown.schema, uiSchema: { ...shown.uiSchema, 'ui:field': 'optional' } };
}

function leaf(field: Field): FormSchemas {
  return {
    schema: { title: field.title },
    uiSchema: { 'ui:field': field.kind, 'ui:options': { shown: field } },
  };
}

function inner(field: Extract<Field, { kind: 'group' | 'list' }>): FormSchemas {
  if (field.kind === 'list') {
    const { schema, uiSchema } = formSchemas(field.item);
    const { title: _, ...items } = schema;
    return {
      schema: { type: 'array', title: field.title, items },
      uiSchema: { 'ui:options': { shown: field }, items: uiSchema },
    };
  }
  const parts = Object.entries(field.fields).map(([name, part]) => [name, formSchemas(part)] as const);
  return {
    schema: {
      type: 'object',
      title: field.title,
      required: field.schema.required,
      properties: Object.fromEntries(parts.map(([name, { schema }]) => [name, schema])),
    },
    uiSchema: {
      'ui:options': { shown: field },
      ...Object.fromEntries(parts.map(([name, { uiSchema }]) => [name, uiSchema])),
    },
  };
}
