// What became of the due times of a schedule, in words and colours.

import type { RunOutcome, ScheduleRun, Status } from '../../api/schema';
import { STATUS_COLORS, STATUS_LABELS } from '../../job/status';
import { plural } from '../../job/words';

const RUNS: readonly RunOutcome[] = ['started', 'skipped', 'missed', 'refused', 'manual'];

/** Whether a line speaks of a run, and not of somebody who changed the schedule. */
export function isRun({ outcome }: Pick<ScheduleRun, 'outcome'>): boolean {
  return RUNS.includes(outcome);
}

/** Whether a line is about a job that it made. */
export function madeJob({ outcome }: Pick<ScheduleRun, 'outcome'>): boolean {
  return outcome === 'started' || outcome === 'manual';
}

type Told = Pick<ScheduleRun, 'outcome' | 'job_status' | 'detail' | 'actor'>;

/** How a mark of it looks, and the colour of its tag. */
export function lookOf({ outcome, job_status }: Told): { look: string; color: string } {
  if (outcome === 'refused') return { look: 'refused', color: 'red' };
  if (outcome === 'skipped' || outcome === 'missed') return { look: outcome, color: 'gold' };
  if (!madeJob({ outcome })) return { look: 'changed', color: 'default' };
  return { look: job_status ?? 'cleaned', color: job_status ? STATUS_COLORS[job_status] : 'default' };
}

/** What a tag says: the state of the job that was made, or why none was. */
export function tagOf({ outcome, job_status, detail }: Told): string {
  if (madeJob({ outcome })) return jobWord(job_status);
  if (outcome === 'missed') return missed(detail);
  return outcome === 'refused' ? 'refused' : outcome;
}

/** A sentence about it, without the time. */
export function runInWords(run: Told): string {
  const { outcome, detail, actor } = run;
  if (outcome === 'manual') return `run by hand${actor ? ` by ${actor}` : ''}: ${jobWord(run.job_status)}`;
  if (outcome === 'started') return `${jobWord(run.job_status)}${detail?.caught_up ? ', made up for late' : ''}`;
  if (outcome === 'skipped') return skipped(detail);
  if (outcome === 'missed') return `${missed(detail)}: no server was up that knows the type`;
  if (outcome === 'refused') return `refused: ${errors(detail)}`;
  const changed = Array.isArray(detail?.changed) ? detail.changed.join(', ').replaceAll('_', ' ') : '';
  return `${CHANGES[outcome] ?? outcome}${actor ? ` by ${actor}` : ''}${changed ? `: ${changed}` : ''}`;
}

const ANOTHER_RAN = 'skipped: another job of this type had not ended';
const EARLIER_RAN = 'skipped: an earlier job of this schedule had not ended';
const QUEUE_FULL = 'skipped: too many jobs of this schedule were waiting';

const CHANGES: Partial<Record<RunOutcome, string>> = {
  created: 'created',
  edited: 'changed',
  enabled: 'switched on',
  disabled: 'switched off',
};

function jobWord(status: Status | null): string {
  return status ? STATUS_LABELS[status] : 'started, the job was cleaned up';
}

function skipped(detail: ScheduleRun['detail']): string {
  if (detail?.because === 'queue_full') return QUEUE_FULL;
  return detail?.because === 'exclusive' ? ANOTHER_RAN : EARLIER_RAN;
}

function missed(detail: ScheduleRun['detail']): string {
  const n = typeof detail?.count === 'number' ? detail.count : 1;
  if (n === 1) return 'missed';
  return `missed ${plural(n, 'time')}${detail?.or_more ? ' or more' : ''}`;
}

function errors(detail: ScheduleRun['detail']): string {
  const found = Array.isArray(detail?.errors) ? (detail.errors as { pointer?: string; message?: string }[]) : [];
  return found.map(({ pointer = '', message = '' }) => `${pointer.replace(/^\//, '')} ${message}`.trim()).join('; ');
}
