// How many jobs are in which state, in words.

import type { JobSummary } from '../../../api/schema';
import { type ShownStatus, STATUS_LABELS, shownStatus } from '../../../job/status';
import { count } from '../../../job/words';

/** As a person wants to know them: what goes wrong first, what is done last. */
const ORDER: readonly ShownStatus[] = [
  'failed',
  'running',
  'cancelling',
  'pending',
  'cancelled',
  'completed_with_errors',
  'completed',
];

/** `1 failed, 2 running, 8 completed`. */
export function counted(jobs: readonly Pick<JobSummary, 'status' | 'outcome'>[]): string {
  const found = ORDER.map((status) => [jobs.filter((job) => shownStatus(job) === status).length, status] as const);
  return found.flatMap(([n, status]) => (n > 0 ? [`${count(n)} ${STATUS_LABELS[status]}`] : [])).join(', ');
}
