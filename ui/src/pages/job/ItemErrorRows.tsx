// A long table of items and their errors, of which only what is in view is in the page.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import type { ItemErrorRow } from '../../api/schema';

const ROW_PX = 38;

interface Props {
  rows: ItemErrorRow[];
  /** How many there are in all, if that is known. */
  total: number | undefined;
  /** Asks for what follows: the end is in view. */
  more(): void;
}

export function ItemErrorRows({ rows, total, more }: Props) {
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => rows[index]?.seq ?? index,
    overscan: 10,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 1) more();
  }, [last, rows.length, more]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section ref={scroller} className="item-errors" tabIndex={0} aria-label="Items that failed">
      {/* biome-ignore lint/a11y/useSemanticElements: rows are placed by hand, which a table does not allow */}
      <div role="table" aria-label="Items that failed" aria-rowcount={total ?? -1}>
        <Row className="item-errors-head" role="columnheader" cells={['Item', 'Error']} />
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {items.map(({ index, start, key }) => (
            <Row
              key={key}
              ref={virtual.measureElement}
              index={index}
              top={start}
              role="cell"
              cells={[rows[index]?.item ?? '', rows[index]?.error ?? '']}
            />
          ))}
        </div>
      </div>
    </section>
  );
}

interface RowProps {
  cells: [string, string];
  role: 'cell' | 'columnheader';
  className?: string;
  index?: number;
  top?: number;
  ref?: (element: HTMLElement | null) => void;
}

function Row({ cells, role, className, index, top, ref }: RowProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    // biome-ignore lint/a11y/useFocusableInteractive: a row of text is read, not used
    <div
      ref={ref}
      role="row"
      data-index={index}
      className={className ?? 'item-errors-row'}
      style={top === undefined ? undefined : { transform: `translateY(${top}px)` }}
    >
      {cells.map((cell, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two columns
        <div key={at} role={role} className="any-text">
          {cell}
        </div>
      ))}
    </div>
  );
}
