// What of the library is looked at, as the address has it.

import type { Kind } from '../../api/schema';

export const KINDS: readonly Kind[] = ['scenes', 'performers', 'tags', 'studios'];

export interface LibrarySearch {
  /** Scenes unless told otherwise. */
  kind?: Exclude<Kind, 'scenes'>;
  q?: string;
  /** Scenes that have this one, by id. */
  performer?: string;
  tag?: string;
  studio?: string;
  /** The one whose facts are open. */
  open?: string;
}

/** What a list of scenes may be narrowed to, and the kind that it is of. */
export const RELATIONS = { performer: 'performers', tag: 'tags', studio: 'studios' } as const;

export type Relation = keyof typeof RELATIONS;

/** As many characters as the server looks for. */
const LONGEST = 200;

export function searchOf(search: Record<string, unknown>): LibrarySearch {
  const found: LibrarySearch = {};
  const kind = KINDS.find((known) => known === search.kind);
  if (kind && kind !== 'scenes') found.kind = kind;
  for (const name of ['q', 'open'] as const) {
    const value = text(search[name]);
    if (value !== undefined) found[name] = value;
  }
  for (const name of Object.keys(RELATIONS) as Relation[]) {
    const id = text(search[name]);
    if (id !== undefined && !found.kind) found[name] = id;
  }
  return found;
}

/** A text; the router reads `q=42` as a number. */
function text(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  return String(value).trim().slice(0, LONGEST) || undefined;
}
