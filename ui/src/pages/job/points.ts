// The course of a job's progress: what the server kept of it, and what was heard since.

import type { Curve, CurvePoint, JobSummary } from '../../api/schema';
import { isActive } from '../../job/status';

export const NOT_HEARD: Curve = { attempt: 0, points: [] };

/** More are not seen on a screen. */
const MOST = 1_000;

/** The course with what is heard now. The same object when that is nothing new. */
export function withHeard(course: Curve, job: JobSummary): Curve {
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
  return { attempt: job.attempt, points: thinned([...points, heard]) };
}

/** What the server kept of the run, and after it what was heard. */
export function joined(kept: Curve | null, heard: Curve): readonly CurvePoint[] {
  const last = kept?.points.at(-1);
  if (!kept || !last || kept.attempt < heard.attempt) return heard.points;
  return [...kept.points, ...heard.points.filter((point) => Date.parse(point.at) > Date.parse(last.at))];
}

/** Every other point goes when there are too many; the first and the last stay. */
function thinned(points: CurvePoint[]): CurvePoint[] {
  if (points.length <= MOST) return points;
  return points.filter((_, at) => at % 2 === 0 || at === points.length - 1);
}
