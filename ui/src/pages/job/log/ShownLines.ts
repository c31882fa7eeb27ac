// What the log view shows of the lines: those that pass the filter, with a mark where lines are missing or an attempt begins, and
// where the searched text was found. New lines cost what they are, not what all are.

import type { LogLevel, LogRow } from '../../../api/schema';
import { attemptOf, missing } from './position';

/** Least first. */
export const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface Filter {
  /** Lines that matter at least as much. */
  level: LogLevel;
  /** Without regard to case; everything when empty. */
  text: string;
  /** Only lines with the text. */
  only: boolean;
}

export type Shown =
  | { kind: 'line'; key: number; line: LogRow }
  | { kind: 'missing'; key: string; count: number }
  | { kind: 'attempt'; key: string; attempt: number };

interface Source {
  lines: readonly LogRow[];
  epoch: number;
  fromStart: boolean;
}

export class ShownLines {
  rows: Shown[] = [];
  /** Places in `rows` that have the searched text. */
  hits: number[] = [];

  private taken = 0;
  private state = '';
  private needle = '';

  /** Takes in what is new. The same again changes nothing. */
  update(source: Source, filter: Filter): void {
    const state = JSON.stringify([source.epoch, source.fromStart, filter]);
    if (state !== this.state || source.lines.length < this.taken) this.clear(state, filter);
    for (; this.taken < source.lines.length; this.taken++) {
      const line = source.lines[this.taken];
      if (line) this.take(line, source.lines[this.taken - 1], source.fromStart, filter);
    }
  }

  private clear(state: string, filter: Filter): void {
    this.rows = [];
    this.hits = [];
    this.taken = 0;
    this.state = state;
    this.needle = filter.text.toLowerCase();
  }

  private take(line: LogRow, previous: LogRow | undefined, fromStart: boolean, filter: Filter): void {
    const found = this.needle !== '' && line.message.toLowerCase().includes(this.needle);
    const only = filter.only && this.needle !== '';
    // Before the first line of what is held nothing is known to be missing, unless it is the beginning.
    if (!only) this.mark(line, previous, fromStart);
    if (LEVELS.indexOf(line.level) < LEVELS.indexOf(filter.level) || (only && !found)) return;
    if (found) this.hits.push(this.rows.length);
    this.rows.push({ kind: 'line', key: line.seq, line });
  }

  private mark(line: LogRow, previous: LogRow | undefined, fromStart: boolean): void {
    if (!previous && !fromStart) return;
    const attempt = attemptOf(line.seq);
    const another = previous ? attemptOf(previous.seq) !== attempt : attempt > 1;
    if (another) this.rows.push({ kind: 'attempt', key: `attempt ${attempt}`, attempt });
    const count = missing(previous?.seq, line.seq);
    if (count > 0) this.rows.push({ kind: 'missing', key: `missing ${line.seq}`, count });
  }
}
