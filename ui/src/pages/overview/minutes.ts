// The minutes of the window as columns for a stacked bar chart. Minutes without an end are left out by the server.

import type { Minute } from '../../api/schema';

/** Seconds, then for each minute how high each layer reaches: failed at the foot, then cancelled, then completed. */
export type Columns = [at: number[], failed: number[], cancelled: number[], completed: number[]];

export function columns(throughput: readonly Minute[], minutes: number, now: number): Columns {
  const byMinute = new Map(throughput.map((minute) => [Math.floor(Date.parse(minute.at) / 60_000), minute]));
  const last = Math.floor(now / 60_000);
  const made: Columns = [[], [], [], []];
  for (let minute = last - minutes + 1; minute <= last; minute++) {
    const { failed = 0, cancelled = 0, completed = 0 } = byMinute.get(minute) ?? {};
    made[0].push(minute * 60);
    made[1].push(failed);
    made[2].push(failed + cancelled);
    made[3].push(failed + cancelled + completed);
  }
  return made;
}
