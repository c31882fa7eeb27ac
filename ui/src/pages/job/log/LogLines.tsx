// The lines, of which only those in view are in the page. At the end it stays at the end; elsewhere what is read stays where it is.

import { useVirtualizer } from '@tanstack/react-virtual';
import { Button } from 'antd';
import { type Ref, type UIEvent, useCallback, useEffect, useImperativeHandle, useRef } from 'react';
import { plural } from '../../../job/words';
import type { LogFollower } from './LogFollower';
import { LogLine } from './LogLine';
import type { ShownLines } from './ShownLines';

const LINE_PX = 20;
/** So near to the end is at the end. */
const END_PX = 24;
/** So near to the beginning, older lines are asked for. */
const OLDER_ROWS = 20;
const UPWARDS = new Set(['ArrowUp', 'PageUp', 'Home']);

export interface LogLinesHandle {
  /** Brings a row into view. */
  show(row: number): void;
}

interface Props {
  log: LogFollower;
  shown: ShownLines;
  /** What is searched for, to be marked. */
  text: string;
  /** The row that is looked at. */
  current: number | undefined;
  wrap: boolean;
  ref: Ref<LogLinesHandle>;
}

export function LogLines({ log, shown, text, current, wrap, ref }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const top = useRef(0);
  const { rows } = shown;
  const getItemKey = useCallback((index: number) => shown.rows[index]?.key ?? index, [shown]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    getItemKey,
    overscan: 20,
    anchorTo: 'end',
    followOnAppend: log.isFollowing,
    scrollEndThreshold: END_PX,
  });
  useImperativeHandle(ref, () => ({ show: (row) => virtual.scrollToIndex(row, { align: 'center' }) }), [virtual]);

  // It opens at the end.
  useEffect(() => virtual.scrollToEnd(), [virtual]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: heights are other ones then
  useEffect(() => virtual.measure(), [wrap, virtual]);

  const scrolled = ({ currentTarget: { scrollTop, scrollHeight, clientHeight } }: UIEvent<HTMLElement>) => {
    // Only a person scrolls up: lines that come move the end away, which is caught up with at once.
    if (scrollHeight - scrollTop - clientHeight <= END_PX) log.follow(true);
    else if (scrollTop < top.current) log.follow(false);
    top.current = scrollTop;
  };

  const leave = ({ scrollTop }: HTMLElement) => {
    if (scrollTop > 0) log.follow(false);
  };

  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? OLDER_ROWS;
  useEffect(() => {
    if (first < OLDER_ROWS && !log.isFollowing) void log.older();
  }, [first, log]);

  const jump = async () => {
    await log.jump();
    virtual.scrollToEnd();
  };
  return (
    <div
      ref={scroller}
      className={wrap ? 'log-lines wrapped' : 'log-lines'}
      onScroll={scrolled}
      // Said before it has moved, so that lines that come at the same moment do not take it back.
      onWheel={(event) => event.deltaY < 0 && leave(event.currentTarget)}
      onKeyDown={(event) => UPWARDS.has(event.key) && leave(event.currentTarget)}
      role="log"
      // Hundreds of lines a second are not to be read out.
      aria-live="off"
      aria-label="Log of this job"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
      tabIndex={0}
    >
      <div style={{ height: virtual.getTotalSize() }}>
        <div className="log-rows" style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}>
          {items.map(({ index, key }) => {
            const row = rows[index];
            return row ? (
              <LogLine
                key={key}
                row={row}
                index={index}
                text={text}
                current={index === current}
                measure={wrap ? virtual.measureElement : undefined}
              />
            ) : null;
          })}
        </div>
      </div>
      {/* Inside, so that the wheel goes through it. */}
      {log.isFollowing ? null : (
        <div className="log-jump">
          <Button type="primary" size="small" onClick={() => void jump()}>
            Jump to the newest{log.unseen > 0 ? ` (${plural(log.unseen, 'new line')})` : ''}
          </Button>
        </div>
      )}
    </div>
  );
}
