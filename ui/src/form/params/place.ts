// Where an error is shown: at the field that its pointer leads to, or into.

import type { ErrorSchema } from '@rjsf/utils';
import type { FieldError } from '../../api/schema';
import { plural } from '../../job/words';
import { escaped, steps } from './check';
import type { Field, Leaf } from './fields';
import { isObject } from './fill';

export interface PlacedError {
  /** The field's place in the params. */
  path: string[];
  message: string;
}

export interface Placed {
  /** One entry per field. */
  errors: PlacedError[];
  /** What belongs to no field of the form. */
  elsewhere: string[];
}

export function place(root: Field, value: unknown, errors: FieldError[]): Placed {
  const byField = new Map<string, PlacedError & { more: number }>();
  const elsewhere: string[] = [];
  for (const { pointer, message } of errors) {
    const found = locate(root, value, steps(pointer));
    if (!found) {
      elsewhere.push(pointer ? `${steps(pointer).join(' › ')} ${message}` : message);
      continue;
    }
    const key = found.path.map(escaped).join('/');
    const before = byField.get(key);
    // Each field tells its first error; entries of a list are many.
    if (!before) byField.set(key, { path: found.path, message: `${found.subject}${message}`, more: 0 });
    else if (found.subject) before.more += 1;
  }
  const told = [...byField.values()].map(({ path, message, more }) => ({
    path,
    message: more > 0 ? `${message}; and ${plural(more, 'more entry', 'more entries')}` : message,
  }));
  return { errors: told, elsewhere };
}

/** The field, and what in it the error is about. */
function locate(root: Field, value: unknown, pointer: string[]): { path: string[]; subject: string } | undefined {
  let field = root;
  let held = value;
  for (const [at, step] of pointer.entries()) {
    const next = field.kind === 'group' ? field.fields[step] : field.kind === 'list' ? field.item : undefined;
    if (!next)
      return isLeaf(field) ? { path: pointer.slice(0, at), subject: about(held, pointer.slice(at)) } : undefined;
    field = next;
    held = inside(held, step);
  }
  return isLeaf(field) || field.kind === 'list' || field.nullable ? { path: pointer, subject: '' } : undefined;
}

function isLeaf(field: Field): field is Leaf {
  return field.kind !== 'group' && field.kind !== 'list';
}

/** `“abc” `, an entry of a list; else the way to it. */
function about(held: unknown, way: string[]): string {
  const [entry] = way;
  const value = way.length === 1 && Array.isArray(held) ? inside(held, entry ?? '') : undefined;
  return `“${typeof value === 'string' || typeof value === 'number' ? value : way.join(' › ')}” `;
}

function inside(value: unknown, step: string): unknown {
  if (Array.isArray(value)) return value[Number(step)];
  return isObject(value) ? value[step] : undefined;
}

/** The errors as rjsf hands them down. */
export function errorSchema(errors: PlacedError[]): ErrorSchema {
  const root: ErrorSchema = {};
  for (const { path, message } of errors) {
    let here = root;
    for (const step of path) {
      here[step] ??= {};
      here = here[step] as ErrorSchema;
    }
    here.__errors = [message];
  }
  return root;
}
