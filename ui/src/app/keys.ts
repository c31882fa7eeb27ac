// A list by keyboard: one stop for Tab; arrows, Page, Home and End move from row to row, Enter opens, Space selects, with
// Shift a range.

import { type KeyboardEvent, type RefObject, useCallback, useLayoutEffect, useReducer, useRef, useState } from 'react';

const A_PAGE = 10;

interface Doing {
  open(id: string): void;
  /** Where rows can be selected. */
  pick?(id: string, range: boolean): void;
}

/** `places` says where in `rows` an id is. The rows are `tr`s with an `aria-rowindex` that counts a head, and a `data-id`. */
export function useKeys(
  rows: readonly { id: string }[],
  places: ReadonlyMap<string, number>,
  body: RefObject<HTMLElement | null>,
  { open, pick }: Doing,
) {
  const [currentId, setCurrent] = useState<string>();
  const focusIt = useRef(false);
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const place = (currentId !== undefined && places.get(currentId)) || 0;

  const go = useCallback(
    (to: number) => {
      const row = rows[Math.max(0, Math.min(to, rows.length - 1))];
      // At the end of the list it is the same row, for which nothing is drawn: the wish to focus it would be granted later.
      if (!row || row.id === currentId) return;
      focusIt.current = true;
      setCurrent(row.id);
    },
    [rows, currentId],
  );

  const toFirst = useCallback(() => {
    focusIt.current = true;
    setCurrent(undefined);
    draw();
  }, []);

  // The row may have to be drawn first. It is, wherever it is: see rows.ts.
  useLayoutEffect(() => {
    if (!focusIt.current) return;
    const row = body.current?.querySelector<HTMLElement>(`tr[aria-rowindex="${place + 2}"]`);
    if (!row) return;
    focusIt.current = false;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: 'nearest' });
  });

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const row = rows[place];
    // A box or a link takes Enter and Space itself.
    if (!(event.target instanceof HTMLTableRowElement)) return;
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const to: Record<string, number> = {
      ArrowDown: place + 1,
      ArrowUp: place - 1,
      PageDown: place + A_PAGE,
      PageUp: place - A_PAGE,
      Home: 0,
      End: rows.length - 1,
    };
    const next = to[event.key];
    if (next !== undefined) go(next);
    else if (event.key === 'Enter') open(row.id);
    else if (event.key === ' ' && pick) pick(row.id, event.shiftKey);
    else return;
    event.preventDefault();
  };
  /** A row that was reached by other ways is where the keyboard goes on. */
  const onFocus = (event: { target: Element }) => {
    const id = event.target.closest('tr')?.dataset.id;
    if (id) setCurrent(id);
  };
  return { place, toFirst, onKeyDown, onFocus };
}
