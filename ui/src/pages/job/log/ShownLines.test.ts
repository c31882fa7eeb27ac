import { expect, test } from 'vitest';
import type { LogLevel, LogRow } from '../../../api/schema';
import { startOf } from './position';
import { type Filter, ShownLines } from './ShownLines';

const first = startOf(1);
const ALL: Filter = { level: 'debug', text: '', only: false };

function line(seq: number, message = 'x', level: LogLevel = 'info'): LogRow {
  return { seq, at: '', level, target: '', message };
}

function shown(lines: LogRow[], filter = ALL, fromStart = true): string[] {
  const view = new ShownLines();
  view.update({ lines, epoch: 0, fromStart }, filter);
  return view.rows.map((row) => {
    if (row.kind === 'line') return row.line.message;
    return row.kind === 'missing' ? `… ${row.count}` : `attempt ${row.attempt}`;
  });
}

test('lines that are missing and attempts are marked', () => {
  const lines = [line(first, 'a'), line(first + 5, 'b'), line(startOf(2), 'c'), line(startOf(3) + 2, 'd')];
  expect(shown(lines)).toEqual(['a', '… 4', 'b', 'attempt 2', 'c', 'attempt 3', '… 2', 'd']);
});

test('before the first line something is missing only when nothing older can be read', () => {
  expect(shown([line(first + 3, 'a')])).toEqual(['… 3', 'a']);
  expect(shown([line(first + 3, 'a')], ALL, false)).toEqual(['a']);
});

test('levels below are hidden, and so are lines without the text when asked', () => {
  const lines = [line(first, 'one', 'debug'), line(first + 1, 'Two', 'warn'), line(first + 2, 'three', 'error')];
  expect(shown(lines, { ...ALL, level: 'warn' })).toEqual(['Two', 'three']);
  expect(shown(lines, { ...ALL, text: 't', only: true })).toEqual(['Two', 'three']);
  expect(shown(lines, { ...ALL, text: 'tWO', only: true })).toEqual(['Two']);
});

test('new lines are added to what is shown and to what was found', () => {
  const view = new ShownLines();
  const filter = { ...ALL, text: 'a' };
  const lines = [line(first, 'a'), line(first + 1, 'b')];
  view.update({ lines, epoch: 0, fromStart: true }, filter);
  const { rows } = view;
  lines.push(line(first + 2, 'A'));
  view.update({ lines, epoch: 0, fromStart: true }, filter);
  expect(view.rows).toBe(rows);
  expect(view.hits).toEqual([0, 2]);
  view.update({ lines: lines.slice(2), epoch: 1, fromStart: false }, filter);
  expect(view.hits).toEqual([0]);
});
