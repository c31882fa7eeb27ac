// The history of a schedule: its runs, and who changed it, the newest first.

import { Button, Skeleton } from 'antd';
import type { ScheduleRun } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { Clock } from '../../job/times';
import { capital } from '../../job/words';
import { RunTag } from './LastRun';
import { isRun, runInWords, tagOf } from './runs';
import { useRunState } from './useRunState';
import { useRuns } from './useSchedules';

export function Runs({ id }: { id: string }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useRuns(id);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Skeleton active />;
  return (
    <>
      <ol className="runs">{data.pages.flatMap((page) => page.runs.map((run) => <Run key={run.id} read={run} />))}</ol>
      {error ? <Failed error={error} again={() => void refetch()} /> : null}
      {hasNextPage ? (
        <Button loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Earlier ones
        </Button>
      ) : null}
    </>
  );
}

function Run({ read }: { read: ScheduleRun }) {
  const run = useRunState(read);
  const words = runInWords(run);
  const tagged = isRun(run);
  return (
    <li>
      <Clock at={run.due_at ?? run.at} />
      <span>{tagged ? <RunTag run={run} /> : null}</span>
      <span className="any-text">
        {tagged && words === tagOf(run) ? null : capital(words)}
        {run.reason ? <span className="muted"> ({run.reason})</span> : null}
      </span>
    </li>
  );
}
