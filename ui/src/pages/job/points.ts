// The course of a job's progress: what the server kept of it, and what was heard since.

import type { JobSummary } from '../../api/schema';
import { isActive } from '../../job/status';

export interface Point {
  at: string;
  progress: number;
  processed_items: number | null;
}

export interface Course {
  attempt: number;
  points: readonly Point[];
}

export const NO_COURSE: Course = { attempt: 0, points: [] };

/** More are not seen on a screen. */
const MOST = 1_000;
/** A run that is heard so early is known from its start. */
const FROM_START_MS = 5_000;

/** The course with what is heard now. The same object when that is nothing new. */
export function withHeard(course: Course, job: JobSummary): Course {
  if (!job.started_at || job.attempt === 0) return course;
  const points = job.attempt === course.attempt ? course.points : [];
  const last = points.at(-1);
  const heard = {
    at: job.completed_at ?? job.updated_at,
    progress: job.progress,
    processed_items: job.processed_items,
  };
  if (last && Date.parse(heard.at) <= Date.parse(last.at)) return course;
  if (!last && !isActive(job.status)) return course;
  return { attempt: job.attempt, points: thinned([...(last ? points : beginning(job)), heard]) };
}

/** What the server kept, and after it what was heard. */
export function joined(kept: readonly Point[] | undefined, heard: readonly Point[]): readonly Point[] {
  const last = kept?.at(-1);
  if (!kept || !last) return heard;
  return [...kept, ...heard.filter((point) => Date.parse(point.at) > Date.parse(last.at))];
}

function beginning(job: JobSummary): Point[] {
  const at = job.started_at ?? job.updated_at;
  const age = Date.parse(job.updated_at) - Date.parse(at);
  return age > 0 && age < FROM_START_MS ? [{ at, progress: 0, processed_items: null }] : [];
}

/** Every other point goes when there are too many; the first and the last stay. */
function thinned(points: Point[]): Point[] {
  if (points.length <= MOST) return points;
  return points.filter((_, at) => at % 2 === 0 || at === points.length - 1);
}
