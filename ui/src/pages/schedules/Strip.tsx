// The last runs of a schedule as marks, the newest on the right. One stop for Tab; arrows, Home and End move from mark to mark.

import { Link } from '@tanstack/react-router';
import { Tooltip } from 'antd';
import { type FocusEvent, type KeyboardEvent, useRef, useState } from 'react';
import type { Schedule, ScheduleRun } from '../../api/schema';
import { useInView } from '../../app/useInView';
import { isRun, lookOf, madeJob, runInWords } from './runs';
import { useRunState } from './useRunState';
import { useNewestRuns } from './useSchedules';
import { HERE, timeIn } from './zones';

const SHOWN = 20;
/** Lines that speak of changes are among them. */
const READ = 40;

export function Strip({ schedule }: { schedule: Schedule }) {
  const { ref, seen } = useInView<HTMLDivElement>();
  const { data, error } = useNewestRuns(schedule.id, READ, seen);
  const runs = data?.filter(isRun).slice(0, SHOWN).reverse();
  return (
    <div ref={ref} className="strip">
      {runs && runs.length > 0 ? <Marks runs={runs} name={schedule.name} /> : null}
      {runs?.length === 0 ? <span className="muted">no runs yet</span> : null}
      {error && !data ? <span className="muted">its runs could not be read</span> : null}
    </div>
  );
}

function Marks({ runs, name }: { runs: ScheduleRun[]; name: string }) {
  const list = useRef<HTMLUListElement>(null);
  const [current, setCurrent] = useState<number>();
  const at = runs.findIndex((run) => run.id === current);
  const place = at < 0 ? runs.length - 1 : at;

  const onKeyDown = (event: KeyboardEvent) => {
    const to: Record<string, number> = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: runs.length - 1 };
    const next = to[event.key];
    if (next === undefined) return;
    event.preventDefault();
    list.current?.querySelectorAll('a')[next]?.focus();
  };
  const onFocus = (event: FocusEvent<HTMLElement>) => setCurrent(Number(event.target.dataset.run) || undefined);
  return (
    <ul ref={list} className="marks" aria-label={`Last runs of ${name}`} onKeyDown={onKeyDown} onFocus={onFocus}>
      {runs.map((run, index) => (
        <li key={run.id}>
          <Mark read={run} tabIndex={index === place ? 0 : -1} />
        </li>
      ))}
    </ul>
  );
}

/** A link to the job, or to the history, which says more. */
function Mark({ read, tabIndex }: { read: ScheduleRun; tabIndex: number }) {
  const run = useRunState(read);
  const words = `${timeIn(HERE, run.due_at ?? run.at, Date.now())}: ${runInWords(run)}`;
  const to =
    madeJob(run) && run.job_id && run.job_status
      ? ({ to: '/jobs/$id', params: { id: run.job_id } } as const)
      : ({ to: '/schedules/$id', params: { id: run.schedule_id } } as const);
  return (
    <Tooltip title={words} trigger={['hover', 'focus']}>
      <Link
        {...to}
        className={`mark ${lookOf(run).look}`}
        data-run={run.id}
        tabIndex={tabIndex}
        aria-label={words}
        preload={false}
      />
    </Tooltip>
  );
}
