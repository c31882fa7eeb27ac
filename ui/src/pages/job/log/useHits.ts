// Walking through what was found in the log.

import { useEffect, useState } from 'react';
import type { ShownLines } from './ShownLines';

export interface Hits {
  count: number;
  /** Which of them is looked at, from 1; 0 for none. */
  at: number;
  /** Its row. */
  row: number | undefined;
  go(step: 1 | -1): void;
}

/** `version` grows with the lines. `show` brings a row into view. */
export function useHits(shown: ShownLines, text: string, version: number, show: (row: number) => void): Hits {
  // By its key: places change when older lines come.
  const [key, setKey] = useState<string | number>();
  const { hits, rows } = shown;
  const at = key === undefined ? -1 : hits.findIndex((row) => rows[row]?.key === key);

  const look = (index: number) => {
    const row = hits[index];
    if (row === undefined) return;
    setKey(rows[row]?.key);
    show(row);
  };

  // The newest is looked at first.
  const first = text !== '' && at < 0 && hits.length > 0 && version > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when there is something to look at for the first time
  useEffect(() => {
    if (first) look(hits.length - 1);
  }, [first, text]);

  const go = (step: 1 | -1) => look((Math.max(at, 0) + step + hits.length) % hits.length);
  return { count: hits.length, at: at + 1, row: at < 0 ? undefined : hits[at], go };
}
