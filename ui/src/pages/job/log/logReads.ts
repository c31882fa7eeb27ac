// The log as the API gives it.

import { api, unwrap } from '../../../api/client';
import type { LogPage, LogRow } from '../../../api/schema';

export interface LogReads {
  tail(lines: number): Promise<LogRow[]>;
  after(seq: number, lines: number): Promise<Pick<LogPage, 'lines' | 'more'>>;
  /** Lines right before a position, oldest first; none when it is the first. */
  before(seq: number, lines: number): Promise<LogRow[]>;
}

export function readsOf(jobId: string): LogReads {
  // What is not asked for as text is a page.
  const read = async (query: { tail: number } | { after?: number; before?: number; limit: number }) =>
    (await unwrap(api.GET('/api/jobs/{id}/logs', { params: { path: { id: jobId }, query } }))) as LogPage;
  return {
    tail: async (tail) => (await read({ tail })).lines,
    after: (seq, limit) => read({ after: Math.max(0, seq), limit }),
    before: async (before, limit) => (await read({ before, limit })).lines,
  };
}
