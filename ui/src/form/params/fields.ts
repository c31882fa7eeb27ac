// The fields of a form, read from the JSON Schema of a job type's params.
//
//   schemars' schema ──readParams──▶ a tree of fields ──▶ the form (form.ts), first values (fill.ts), the check (check.ts)
//
// schemars says one thing in several ways: an optional field is `["integer", "null"]` or `anyOf` with null, an enum is `enum` or
// `oneOf` of constants, a struct is a `$ref`. Here each becomes one kind of field. What fits no kind is `json`: it is written as
// JSON, so that no job type is ever without a form. The schema of a field says the same as what it was read from, in the one
// way that the check words well.

import type { Schema } from '@cfworker/json-schema';
import { type Flat, flatten } from './flatten';
import { titleOf } from './titles';

/** How a value is written. */
export type LeafKind =
  | 'text'
  | 'path'
  | 'password'
  | 'number'
  | 'toggle'
  | 'choice'
  | 'choices'
  | 'tags'
  | 'moment'
  | 'date'
  | 'map'
  | 'json';

export interface Choice {
  value: string | number | boolean;
  title: string;
  description?: string;
}

interface Common {
  title: string;
  description?: string;
  /** What its values must be. */
  schema: Schema;
  /** Whether it may be null: nothing. */
  nullable: boolean;
}

export interface Leaf extends Common {
  kind: LeafKind;
  choices: Choice[];
}

export interface Group extends Common {
  kind: 'group';
  fields: Record<string, Field>;
}

/** Any number of groups. */
export interface List extends Common {
  kind: 'list';
  item: Group;
}

export type Field = Leaf | Group | List;

type Definitions = Record<string, Schema | boolean>;

/** The field that stands for all params: a group, unless the type is something very unusual. */
export function readParams(schema: Schema): Field {
  const { $defs: definitions = {}, ...params } = structuredClone(schema) as Schema & { $defs?: Definitions };
  const root = readField(params, '', definitions, []);
  // What is written as JSON may still refer to definitions.
  return { ...root, title: 'Params', schema: { ...root.schema, $defs: definitions } };
}

function readField(raw: Schema | boolean, name: string, definitions: Definitions, open: readonly string[]): Field {
  const flat = flatten(raw, definitions, open);
  const { schema, nullable } = flat;
  const common = {
    title: (name && schema.title) || titleOf(name),
    description: schema.description,
    schema: nullable ? orNull(schema) : schema,
    nullable,
  };
  return (
    readGroup(flat, name, common, definitions) ?? readList(flat, common, definitions) ?? readLeaf(flat, name, common)
  );
}

function readGroup(flat: Flat, name: string, common: Common, definitions: Definitions): Group | undefined {
  const { schema, open, opaque } = flat;
  const { properties, additionalProperties, patternProperties } = schema;
  if (opaque || schema.type !== 'object' || patternProperties || isOpen(additionalProperties)) return undefined;
  // An object of which nothing is said may hold anything; as the whole of the params it means that there are none.
  if (!properties && additionalProperties !== false && name !== '') return undefined;
  const fields = Object.fromEntries(
    Object.entries(properties ?? {}).map(([key, property]) => [key, readField(property, key, definitions, open)]),
  );
  const schemas = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.schema]));
  return { ...common, kind: 'group', fields, schema: { ...common.schema, properties: schemas } };
}

function readList({ schema, open, opaque }: Flat, common: Common, definitions: Definitions): List | undefined {
  if (opaque || schema.type !== 'array' || !isSchema(schema.items) || schema.prefixItems) return undefined;
  const item = readField(schema.items, '', definitions, open);
  if (item.kind !== 'group' || item.nullable) return undefined;
  return { ...common, kind: 'list', item, schema: { ...common.schema, items: item.schema } };
}

function readLeaf(flat: Flat, name: string, common: Common): Leaf {
  const { schema } = flat;
  if (flat.choices) return leafOfChoices(flat, common);
  const kind = flat.opaque ? 'json' : leafKind(schema, name);
  if (kind === 'tags' && isSchema(schema.items)) return leafOfItems(schema.items, flat, common);
  if (kind === 'toggle' && common.nullable) {
    const choices = [
      { value: true, title: 'Yes' },
      { value: false, title: 'No' },
    ];
    return { ...common, kind: 'choice', choices };
  }
  return { ...common, kind, choices: [] };
}

function leafOfItems(raw: Schema, { definitions, open }: Flat, common: Common): Leaf {
  const { schema: items, choices, opaque, nullable } = flatten(raw, definitions, open);
  if (choices && !nullable) {
    const values = { enum: choices.map((choice) => choice.value) };
    return { ...common, kind: 'choices', choices, schema: { ...common.schema, items: values } };
  }
  const plain = !opaque && !nullable && ['string', 'integer', 'number'].includes(String(items.type));
  if (!plain) return { ...common, kind: 'json', choices: [] };
  return { ...common, kind: 'tags', choices: [], schema: { ...common.schema, items } };
}

function leafOfChoices({ schema, choices = [] }: Flat, common: Common): Leaf {
  const { oneOf: _, anyOf: __, const: ___, type: ____, ...rest } = schema;
  const values: unknown[] = choices.map((choice) => choice.value);
  const allowed = common.nullable ? [...values, null] : values;
  return { ...common, kind: 'choice', choices, schema: { ...rest, enum: allowed } };
}

function leafKind(schema: Schema, name: string): LeafKind {
  switch (schema.type) {
    case 'boolean':
      return 'toggle';
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
      if (schema.format === 'date-time') return 'moment';
      if (schema.format === 'date') return 'date';
      if (schema.format === 'password') return 'password';
      // A path's schema is that of any text: its name tells.
      return /(^|_)(path|dir|directory|folder|file)$/.test(name) ? 'path' : 'text';
    case 'array':
      return isSchema(schema.items) && !schema.prefixItems ? 'tags' : 'json';
    case 'object':
      return isMap(schema) ? 'map' : 'json';
    default:
      return 'json';
  }
}

/** Names with a text or a number each. */
function isMap({ properties, patternProperties, additionalProperties: values }: Schema): boolean {
  if (properties || patternProperties || !isSchema(values)) return false;
  return ['string', 'integer', 'number'].includes(String(values.type)) && !values.enum;
}

function orNull(schema: Schema): Schema {
  const { type } = schema;
  if (typeof type === 'string') return { ...schema, type: [type, 'null'] };
  if (type === undefined && (schema.anyOf || schema.oneOf || schema.$ref)) {
    const { title, description, default: byDefault, ...rest } = schema;
    return { title, description, default: byDefault, anyOf: [rest, { type: 'null' }] };
  }
  return schema;
}

function isOpen(additional: Schema | boolean | undefined): boolean {
  return additional === true || isSchema(additional);
}

function isSchema(schema: unknown): schema is Schema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}
