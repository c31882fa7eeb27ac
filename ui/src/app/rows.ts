// Which rows are drawn: those in sight and some around, whatever the length of the list.

import { defaultRangeExtractor, type Range, useWindowVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { type RefObject, useCallback, useLayoutEffect, useState } from 'react';
import { useMedia } from './useMedia';

const AROUND = 8;

/** How high a row is, and where there is no room for columns; as in the style sheet of the list. */
export interface Heights {
  row: number;
  card: number;
}

const cards = window.matchMedia('(max-width: 1023px)');

/** `current` is drawn wherever it is: the keyboard must not lose its place. */
export function useRows(count: number, current: number, body: RefObject<HTMLElement | null>, { row, card }: Heights) {
  const height = useMedia(cards) ? card : row;
  const [top, setTop] = useState(0);

  useLayoutEffect(() => {
    const measure = () => {
      const box = body.current?.getBoundingClientRect();
      if (box) setTop(Math.round(box.top + window.scrollY));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [body]);

  const virtualizer = useWindowVirtualizer({
    count,
    estimateSize: () => height,
    overscan: AROUND,
    scrollMargin: top,
    rangeExtractor: useCallback(
      (range: Range) => {
        const places = defaultRangeExtractor(range);
        if (current >= count || places.includes(current)) return places;
        return [...places, current].sort((a, b) => a - b);
      },
      [current, count],
    ),
  });
  useLayoutEffect(() => {
    if (height) virtualizer.measure();
  }, [height, virtualizer]);

  const items = virtualizer.getVirtualItems();
  const { startIndex: first, endIndex: last } = virtualizer.range ?? { startIndex: 0, endIndex: -1 };
  return { pieces: pieces(items, top, count * height), first, last };
}

/** A row, or the room of rows that are not drawn. */
export type Piece = { place: number } | { room: number; before: number };

function pieces(items: readonly VirtualItem[], top: number, whole: number): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const item of items) {
    const start = item.start - top;
    if (start > end) found.push({ room: start - end, before: item.index });
    found.push({ place: item.index });
    end = start + item.size;
  }
  if (whole > end) found.push({ room: whole - end, before: -1 });
  return found;
}
