// Lines before a position, from an API that reads forwards only: first it is found where they end.

import type { LogRow } from '../../../api/schema';
import type { LogReads } from './logReads';
import { attemptOf, startOf } from './position';

export async function before(after: LogReads['after'], seq: number, lines: number): Promise<LogRow[]> {
  const from = async (start: number) => (await after(start - 1, lines)).lines.filter((line) => line.seq < seq);
  const near = await from(seq - lines);
  if (near.length > 0) return near;
  for (let attempt = attemptOf(seq - lines); attempt > 0; attempt--) {
    const last = await lastOf(after, startOf(attempt), Math.min(seq, startOf(attempt + 1)));
    if (last !== undefined) return from(Math.max(startOf(attempt), last + 1 - lines));
  }
  return [];
}

/** The last position in a range that has a line, by halving it. */
async function lastOf(after: LogReads['after'], start: number, end: number): Promise<number | undefined> {
  const firstFrom = async (position: number) => {
    const seq = (await after(position - 1, 1)).lines[0]?.seq;
    return seq !== undefined && seq < end ? seq : undefined;
  };
  let found = await firstFrom(start);
  if (found === undefined) return undefined;
  let beyond = end;
  while (beyond - found > 1) {
    const middle: number = found + Math.ceil((beyond - found) / 2);
    const seq = await firstFrom(middle);
    if (seq === undefined) beyond = middle;
    else found = seq;
  }
  return found;
}
