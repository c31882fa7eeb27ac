// Whether params are what a schema asks for, and if not, where and in which words.
//
// The server's check has the last word; this one answers while a person types. It needs no `eval`, which the page may not use.

import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema';
import type { FieldError } from '../../api/schema';
import { sentence } from './sentences';

const validators = new WeakMap<Schema, Validator>();

/** What is wrong with `value`: one entry per error, with a JSON pointer into it. */
export function check(value: unknown, schema: Schema): FieldError[] {
  const instance = clean(value);
  if (instance === undefined) return [{ pointer: '', message: 'must be filled in' }];
  let validator = validators.get(schema);
  if (!validator) {
    validator = new Validator(schema, '2020-12', false);
    validators.set(schema, validator);
  }
  const { errors } = validator.validate(instance);
  return innermost(errors).map((error) => told(error, schema));
}

/** As it is sent: without what is undefined. */
export function clean<T>(value: T): T {
  const text = JSON.stringify(value);
  return text === undefined ? (undefined as T) : JSON.parse(text);
}

/** The validator names every schema on the way to an error; and every alternative, of which none was meant. */
function innermost(errors: OutputUnit[]): OutputUnit[] {
  const alternatives = errors.filter(({ keyword }) => ['anyOf', 'oneOf', 'not'].includes(keyword));
  const isInside = (error: OutputUnit, outer: OutputUnit) =>
    error !== outer && error.keywordLocation.startsWith(`${outer.keywordLocation}/`);
  const outside = errors.filter((error) => !alternatives.some((outer) => isInside(error, outer)));
  return outside.filter((error) => !WRAPPERS.has(error.keyword));
}

/** Keywords whose error says only that there is one further in. */
const WRAPPERS = new Set([
  '$ref',
  'allOf',
  'properties',
  'patternProperties',
  'additionalProperties',
  'propertyNames',
  'items',
  'prefixItems',
  'if',
]);

function told({ keyword, keywordLocation, instanceLocation, error }: OutputUnit, schema: Schema): FieldError {
  const at = plain(instanceLocation);
  if (keyword === 'required') {
    const name = error.slice(error.indexOf('"') + 1, error.lastIndexOf('"'));
    return { pointer: `${at}/${escaped(name)}`, message: 'must be filled in' };
  }
  return { pointer: at, message: sentence(keyword, schemaAt(schema, keywordLocation)) };
}

/** The schema that holds the keyword. */
function schemaAt(root: Schema, location: string): Schema {
  let here: unknown = root;
  for (const step of steps(plain(location)).slice(0, -1)) {
    const schema = here as Schema | undefined;
    here = step === '$ref' ? root.$defs?.[String(schema?.$ref).replace(/^#\/\$defs\//, '')] : schema?.[step];
  }
  return typeof here === 'object' && here !== null ? here : {};
}

/** A name as a JSON pointer has it. */
export function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The names along a JSON pointer. */
export function steps(pointer: string): string[] {
  return pointer.split('/').slice(1).map(unescaped);
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** The validator's locations are fragments of a URI. */
function plain(location: string): string {
  return decodeURIComponent(location.slice(1));
}
