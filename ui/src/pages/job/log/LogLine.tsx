// A line of the log with the searched text marked, or a note of what is not there.

import { memo } from 'react';
import { clock, plural } from '../../../job/words';
import { marked } from './marked';
import type { Shown } from './ShownLines';

interface Props {
  row: Shown;
  index: number;
  text: string;
  /** Whether it is the match that is looked at. */
  current: boolean;
  /** Told of its element where its height is not known before. */
  measure: ((element: HTMLElement | null) => void) | undefined;
}

export const LogLine = memo(function LogLine({ row, index, text, current, measure }: Props) {
  if (row.kind !== 'line') {
    const note = row.kind === 'missing' ? `… ${plural(row.count, 'line')} left out` : `Attempt ${row.attempt}`;
    return (
      <div ref={measure} data-index={index} className={`log-row ${row.kind}`}>
        {note}
      </div>
    );
  }
  const { at, level, target, message } = row.line;
  return (
    <div
      ref={measure}
      data-index={index}
      className={`log-row line ${level}${current ? ' current' : ''}`}
      title={target}
    >
      <time dateTime={at}>{moment(at)}</time>
      <span className="level">{level}</span>
      <span className="message">
        {text === ''
          ? message
          : marked(message, text).map((part, place) =>
              // biome-ignore lint/suspicious/noArrayIndexKey: parts of a text that does not change
              place % 2 === 1 ? <mark key={place}>{part}</mark> : part,
            )}
      </span>
    </div>
  );
});

/** `14:03:09.042`. */
function moment(at: string): string {
  const ms = Date.parse(at);
  return `${clock(ms)}.${String(ms % 1_000).padStart(3, '0')}`;
}
