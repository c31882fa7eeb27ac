// Which changes of a plan are shown, as the address has it.

import type { ChangeField, ChangeStatus } from '../../api/schema';

export const CHANGE_STATUSES: readonly ChangeStatus[] = [
  'pending',
  'approved',
  'rejected',
  'applied',
  'conflict',
  'failed',
];

export const CHANGE_FIELDS: readonly ChangeField[] = ['title', 'studio', 'performers', 'tags', 'details', 'date'];

export interface ChangeFilter {
  status?: ChangeStatus[];
  field?: ChangeField[];
}

/** What of an address is a filter; the rest is left out. */
export function filterOf(search: Record<string, unknown>): ChangeFilter {
  const status = oneOf(CHANGE_STATUSES, search.status);
  const field = oneOf(CHANGE_FIELDS, search.field);
  return { ...(status ? { status } : {}), ...(field ? { field } : {}) };
}

/** A list, also as the API takes it: with commas. */
function oneOf<T extends string>(known: readonly T[], value: unknown): T[] | undefined {
  const wanted = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [];
  const found = known.filter((word) => wanted.includes(word));
  return found.length > 0 ? found : undefined;
}
