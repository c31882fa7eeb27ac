// One schema without the detours: references followed, null taken out of alternatives, constants gathered.

import type { InstanceType, Schema } from '@cfworker/json-schema';
import type { Choice } from './fields';
import { titleOf } from './titles';

type Definitions = Record<string, Schema | boolean>;

export interface Flat {
  schema: Schema;
  nullable: boolean;
  /** All values that are allowed, where they can be listed. */
  choices?: Choice[];
  /** Neither a list of values nor one type: several forms, or a reference that leads back to where it is. */
  opaque: boolean;
  /** Names of the definitions that this is inside of. */
  open: readonly string[];
  definitions: Definitions;
}

export function flatten(raw: Schema | boolean, definitions: Definitions, inside: readonly string[]): Flat {
  let schema: Schema = typeof raw === 'boolean' ? {} : raw;
  let nullable = false;
  const open = [...inside];
  const done = (opaque: boolean, choices?: Choice[]): Flat => ({
    schema,
    nullable,
    choices,
    opaque,
    open,
    definitions,
  });
  for (;;) {
    if (schema.$ref !== undefined) {
      const name = schema.$ref.replace(/^#\/\$defs\//, '');
      const target = definitions[name];
      if (typeof target !== 'object' || open.includes(name)) return done(true);
      open.push(name);
      const { $ref: _, ...beside } = schema;
      schema = { ...target, ...beside };
      continue;
    }
    const branches = schema.anyOf ?? schema.oneOf;
    if (branches) {
      const others = branches.filter((branch) => branch.type !== 'null');
      nullable ||= others.length < branches.length;
      const { anyOf: _, oneOf: __, ...beside } = schema;
      const [only] = others;
      if (only && others.length === 1) {
        schema = { ...only, ...beside };
        continue;
      }
      schema = { ...beside, [schema.anyOf ? 'anyOf' : 'oneOf']: others };
      const choices = listed(others);
      return done(!choices, choices);
    }
    const types = new Set<InstanceType>([schema.type ?? []].flat());
    nullable ||= types.delete('null');
    const choices = constants(schema);
    if (choices) {
      nullable ||= schema.enum?.includes(null) ?? false;
      return done(false, choices);
    }
    if (schema.allOf || schema.if || schema.not || types.size !== 1) return done(true);
    schema = { ...schema, type: [...types][0] };
    return done(false);
  }
}

/** The values of alternatives that are nothing but values; undefined when one of them is more. */
function listed(branches: Schema[]): Choice[] | undefined {
  const each = branches.map(constants);
  return each.every((choices) => choices !== undefined) ? each.flat() : undefined;
}

function constants(schema: Schema): Choice[] | undefined {
  const values: unknown[] | undefined = schema.enum ?? ('const' in schema ? [schema.const] : undefined);
  if (!values) return undefined;
  // A description of several values is that of the whole, not of each.
  const described = 'const' in schema ? schema : {};
  return values
    .filter((value) => value !== null)
    .map((value) => ({
      value: value as Choice['value'],
      title: described.title ?? (typeof value === 'string' ? titleOf(value) : String(value)),
      description: described.description,
    }));
}
