// Where a job is in its life, in words and colours.

import type { JobSummary, Status } from '../api/schema';

export const STATUSES: readonly Status[] = ['pending', 'running', 'cancelling', 'completed', 'failed', 'cancelled'];

/** Completed, failed or cancelled: final, never left. */
export function isTerminal(status: Status): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Of a job that takes a slot of its runner. */
export const ACTIVE: Status[] = ['running', 'cancelling'];

export function isActive(status: Status): boolean {
  return ACTIVE.includes(status);
}

/** What a status tag says and how it is coloured. Completed with errors is shown as its own thing. */
export type ShownStatus = Status | 'completed_with_errors';

export function shownStatus(job: Pick<JobSummary, 'status' | 'outcome'>): ShownStatus {
  return job.status === 'completed' && job.outcome === 'completed_with_errors' ? 'completed_with_errors' : job.status;
}

export const STATUS_LABELS: Record<ShownStatus, string> = {
  pending: 'pending',
  running: 'running',
  cancelling: 'cancelling',
  completed: 'completed',
  completed_with_errors: 'completed with errors',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** Ant Design's names of colours. */
export const STATUS_COLORS: Record<ShownStatus, string> = {
  pending: 'default',
  running: 'blue',
  cancelling: 'orange',
  completed: 'green',
  completed_with_errors: 'gold',
  failed: 'red',
  cancelled: 'default',
};
