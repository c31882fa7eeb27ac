// Moments as the browser's own control writes them, in the viewer's time zone, and as the server takes them, in UTC.

import { clock, date } from './words';

/** `2026-01-31T18:00:00`, local; empty for what is no moment. */
export function toLocal(moment: string | undefined): string {
  const at = moment === undefined ? Number.NaN : Date.parse(moment);
  return Number.isNaN(at) ? '' : `${date(at)}T${clock(at)}`;
}

/** `2026-01-31T17:00:00Z`; undefined for what is no moment yet. */
export function fromLocal(local: string): string | undefined {
  const at = Date.parse(local);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().replace('.000Z', 'Z');
}
