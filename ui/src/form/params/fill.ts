// What a form holds at first: the defaults, and over them what is remembered or comes from another job.

import { check } from './check';
import type { Field, Group } from './fields';

export type Params = Record<string, unknown>;

/** The value of a field before anyone touched it; undefined where a person has to give one. */
export function firstValue(field: Field, required = true): unknown {
  const { default: byDefault } = field.schema;
  if (byDefault !== undefined) return byDefault === null ? null : adapt(field, byDefault, undefined).value;
  if (field.nullable) return null;
  if (!required) return undefined;
  if (field.kind === 'group') return emptyGroup(field);
  if (field.kind === 'toggle') return false;
  if (field.kind === 'list' || field.kind === 'tags' || field.kind === 'choices') return [];
  return field.kind === 'map' ? {} : undefined;
}

/** A group with the first value of each field. */
export function emptyGroup(group: Group): Params {
  const values = Object.entries(group.fields).map(([name, field]) => [
    name,
    firstValue(field, isRequired(group, name)),
  ]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

export function isRequired(group: Group, name: string): boolean {
  return group.schema.required?.includes(name) ?? false;
}

/** What a field holds when it is emptied: null where that is allowed, else nothing. */
export function emptied(field: Field): unknown {
  if (field.nullable) return null;
  return field.kind === 'tags' || field.kind === 'choices' ? [] : undefined;
}

export interface Adapted {
  value: unknown;
  /** What was left out, because the type does not know it or no longer allows it. */
  dropped: string[];
}

/** `given` as the field can hold it; `otherwise` where it can't. */
export function adapt(field: Field, given: unknown, otherwise: unknown): Adapted {
  if (field.kind === 'group' && isObject(given)) return adaptGroup(field, given);
  if (field.kind === 'list' && Array.isArray(given)) {
    const items = given.map((item) => adapt(field.item, item, emptyGroup(field.item)));
    return { value: items.map(({ value }) => value), dropped: items.flatMap(({ dropped }) => dropped) };
  }
  if (check(given, field.schema).length === 0) return { value: structuredClone(given), dropped: [] };
  return { value: otherwise, dropped: [field.title] };
}

function adaptGroup(group: Group, given: Params): Adapted {
  const value = emptyGroup(group);
  const dropped: string[] = [];
  for (const [name, part] of Object.entries(given)) {
    const field = group.fields[name];
    const adapted = field ? adapt(field, part, value[name]) : { value: undefined, dropped: [name] };
    if (adapted.value !== undefined) value[name] = adapted.value;
    dropped.push(...adapted.dropped);
  }
  return { value, dropped };
}

export function isObject(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The params without their secrets: those are not remembered. */
export function withoutSecrets(field: Field, value: unknown): unknown {
  if (field.kind === 'list' && Array.isArray(value)) return value.map((item) => withoutSecrets(field.item, item));
  if (field.kind !== 'group' || !isObject(value)) return value;
  const kept = Object.entries(value).filter(([name]) => field.fields[name]?.kind !== 'password');
  return Object.fromEntries(
    kept.map(([name, part]) => [name, field.fields[name] ? withoutSecrets(field.fields[name], part) : part]),
  );
}
