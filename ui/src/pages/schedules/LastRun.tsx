// What became of the last due time, or of the last run that somebody asked for.

import { Link } from '@tanstack/react-router';
import type { ScheduleRun } from '../../api/schema';
import { ColorTag } from '../../job/tags';
import { When } from '../../job/times';
import { lookOf, runInWords, tagOf } from './runs';
import { useRunState } from './useRunState';

export function LastRun({ read }: { read: ScheduleRun | null }) {
  return read ? <Told read={read} /> : <span className="muted">never</span>;
}

function Told({ read }: { read: ScheduleRun }) {
  const run = useRunState(read);
  return (
    <span title={runInWords(run)}>
      <RunTag run={run} /> <When at={run.due_at ?? run.at} />
    </span>
  );
}

/** What became of a run, leading to its job while there is one. */
export function RunTag({ run }: { run: ScheduleRun }) {
  const tag = <ColorTag color={lookOf(run).color}>{tagOf(run)}</ColorTag>;
  if (!run.job_id || !run.job_status) return tag;
  return (
    <Link to="/jobs/$id" params={{ id: run.job_id }}>
      {tag}
    </Link>
  );
}
