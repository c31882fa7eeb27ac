// Which jobs an act is about: some of the loaded ones, or all that fit the filter, loaded or not.

import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { BulkRequest } from '../../api/schema';
import { allThatFit } from './filter';
import type { Listed } from './list';

export type Selection = 'all' | ReadonlySet<string>;

export interface Selecting {
  selection: Selection;
  /** How many of the loaded ones. */
  size: number;
  has(id: string): boolean;
  /** Takes a job in or out; with `range`, all from the last one that was picked to this one. */
  pick(id: string, range: boolean): void;
  loaded(): void;
  all(): void;
  none(): void;
}

const NONE: ReadonlySet<string> = new Set();

export function useSelection(listed: Listed): Selecting {
  const [selection, select] = useState<Selection>(NONE);
  const anchor = useRef<string>(undefined);
  const list = useRef(listed);

  // What is no longer in the list can't be seen, so it is not acted upon.
  useEffect(() => {
    list.current = listed;
    select((now) => (now === 'all' || [...now].every((id) => listed.places.has(id)) ? now : still(now, listed)));
  }, [listed]);

  const pick = useCallback((id: string, range: boolean) => {
    const { jobs, places } = list.current;
    const from = range ? places.get(anchor.current ?? id) : undefined;
    const to = places.get(id) ?? 0;
    const first = Math.min(from ?? to, to);
    const picked = jobs.slice(first, Math.max(from ?? to, to) + 1).map((job) => job.id);
    anchor.current = id;
    select((now) => {
      const next = new Set(now === 'all' ? jobs.map((job) => job.id) : now);
      const out = next.has(id) && !range;
      for (const one of picked) out ? next.delete(one) : next.add(one);
      return next;
    });
  }, []);
  const loaded = useCallback(() => select(new Set(list.current.jobs.map((job) => job.id))), []);
  const all = useCallback(() => select('all'), []);
  const none = useCallback(() => select(NONE), []);

  return useMemo(
    () => ({
      selection,
      size: selection === 'all' ? listed.jobs.length : selection.size,
      has: (id) => selection === 'all' || selection.has(id),
      pick,
      loaded,
      all,
      none,
    }),
    [selection, listed, pick, loaded, all, none],
  );
}

/** The selected jobs, as an act on many names them. */
export function requestOf(selection: Selection, { filter }: Listed): BulkRequest {
  return selection === 'all' ? allThatFit(filter) : { ids: [...selection] };
}

function still(ids: ReadonlySet<string>, { places }: Listed): ReadonlySet<string> {
  return new Set([...ids].filter((id) => places.has(id)));
}
