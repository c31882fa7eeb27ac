// Which jobs a list is about: kept in the page's address, asked of the server, and judged here for what is heard live.

import type { BulkRequest, JobSummary, OutcomeKind, operations } from '../../api/schema';
import { isTerminal, STATUSES } from '../../job/status';

/** The fields of `GET /api/jobs`. A field that does not narrow the list is not there. */
export type JobFilter = Omit<NonNullable<operations['list_jobs']['parameters']['query']>, 'cursor' | 'limit'>;

export const OUTCOMES: readonly OutcomeKind[] = ['completed', 'completed_with_errors', 'failed', 'cancelled'];

/** As long as the server takes them. */
export const LONGEST_TEXT = 200;

/** The filter in an address. What is not one is left out: an old or mistyped link still opens. */
export function filterOf(search: Record<string, unknown>): JobFilter {
  const filter: JobFilter = {
    status: oneOf(STATUSES, search.status),
    type: several(search.type)?.sort(),
    outcome: oneOf(OUTCOMES, search.outcome),
    q: text(search.q),
    actor: text(search.actor),
    since: moment(search.since),
    until: moment(search.until),
    parent: text(search.parent)
      ?.match(/^[0-9a-f-]{36}$/i)?.[0]
      .toLowerCase(),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

export function isEmpty(filter: JobFilter): boolean {
  return Object.keys(filter).length === 0;
}

/** Whether the server would list this job, as far as this page can tell. */
export function matches(job: JobSummary, filter: JobFilter): boolean {
  const created = Date.parse(job.created_at);
  return (
    (!filter.status || filter.status.includes(job.status)) &&
    (!filter.type || filter.type.includes(job.type)) &&
    (!filter.outcome || (job.outcome !== null && filter.outcome.includes(job.outcome))) &&
    (!filter.q || speaksOf(job, filter.q.toLowerCase())) &&
    (!filter.actor || job.created_by === filter.actor) &&
    (!filter.since || created >= Date.parse(filter.since)) &&
    (!filter.until || created < Date.parse(filter.until)) &&
    (!filter.parent || job.parent_id === filter.parent)
  );
}

/** Whether jobs that can be cancelled are among those that fit. */
export function fitsUnfinished(filter: JobFilter): boolean {
  return !filter.outcome && (!filter.status || filter.status.some((status) => !isTerminal(status)));
}

/** Whether jobs that can be retried are among those that fit. */
export function fitsEnded(filter: JobFilter): boolean {
  return !filter.status || filter.status.some(isTerminal);
}

/** All that fit, for an act on many. That it means every job has to be said. */
export function allThatFit(filter: JobFilter): BulkRequest {
  return isEmpty(filter) ? { all: true } : { ...filter };
}

function speaksOf(job: JobSummary, wanted: string): boolean {
  const texts = [job.message, job.error, job.type];
  return job.id === wanted || texts.some((said) => said?.toLowerCase().includes(wanted));
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T[] | undefined {
  const wanted = several(value);
  const found = known.filter((word) => wanted?.includes(word));
  return found.length > 0 ? found : undefined;
}

/** A list, also as the API takes it: with commas. */
function several(value: unknown): string[] | undefined {
  const parts = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [];
  const words = parts.filter((part): part is string => typeof part === 'string' && part !== '');
  return words.length > 0 ? [...new Set(words)] : undefined;
}

/** A text; the router reads `q=42` as a number. */
function text(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  return String(value).trim().slice(0, LONGEST_TEXT) || undefined;
}

function moment(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const at = new Date(value);
  const year = at.getUTCFullYear();
  return year >= 1970 && year < 3000 ? at.toISOString() : undefined;
}
