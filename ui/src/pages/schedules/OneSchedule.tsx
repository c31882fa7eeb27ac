// The page of one schedule: what it makes when, and what became of it.

import { Link } from '@tanstack/react-router';
import { Alert, Skeleton } from 'antd';
import type { ReactNode } from 'react';
import { Problem } from '../../api/client';
import type { Schedule } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { JsonPanel } from '../../job/JsonPanel';
import { TypeTag } from '../../job/tags';
import { When } from '../../job/times';
import { capital } from '../../job/words';
import { Acts, Enabled } from './Acts';
import { CATCH_UPS, OVERLAPS } from './choices';
import { Due } from './Due';
import { LastRun } from './LastRun';
import { Runs } from './Runs';
import { scheduleRoute } from './route';
import { Strip } from './Strip';
import { Timing } from './Timing';
import { useSchedule } from './useSchedules';
import './schedules.css';

export function OneSchedule() {
  const { id } = scheduleRoute.useParams();
  const { data: schedule, error, refetch } = useSchedule(id);
  if (error instanceof Problem && isGone(error)) return <Gone />;
  if (schedule) return <Shown key={id} schedule={schedule} />;
  return error ? <Failed error={error} again={() => void refetch()} /> : <Skeleton active paragraph={{ rows: 8 }} />;
}

export function isGone({ code }: Problem): boolean {
  return code === 'unknown_schedule' || code === 'invalid_path';
}

export function Gone() {
  useTitle('No such schedule');
  return (
    <Empty title="There is no such schedule">
      It was deleted, or never was. See <Link to="/schedules">all schedules</Link>.
    </Empty>
  );
}

function Shown({ schedule }: { schedule: Schedule }) {
  useTitle(schedule.name);
  const { problem } = schedule;
  return (
    <div className="schedule-page">
      <p className="schedule-back">
        <Link to="/schedules">Schedules</Link>
      </p>
      <section className="panel" aria-label="Schedule">
        <div className="schedule-head">
          <Enabled schedule={schedule} />
          <h1>{schedule.name}</h1>
          <TypeTag type={schedule.type} />
          <Acts schedule={schedule} />
        </div>
        {problem ? <Alert type="warning" showIcon title={capital(problem.message)} /> : null}
        <p className="schedule-says">
          <Timing schedule={schedule} />
        </p>
        <Facts schedule={schedule} />
      </section>
      <div className="schedule-columns">
        <Next schedule={schedule} />
        <JsonPanel title="Parameters" value={schedule.params} none="Its jobs have no parameters." />
      </div>
      <section className="panel" aria-labelledby="runs">
        <h2 id="runs">History</h2>
        <Strip schedule={schedule} />
        <Runs id={schedule.id} />
      </section>
    </div>
  );
}

function Facts({ schedule }: { schedule: Schedule }) {
  const { overlap, catch_up, priority, reason, created_by, updated_by } = schedule;
  const changed = schedule.updated_at !== schedule.created_at;
  return (
    <dl className="facts">
      <Fact name="Last run">
        <LastRun read={schedule.last_run} />
      </Fact>
      <Fact name="While a job has not ended">{OVERLAPS[overlap].fact}</Fact>
      <Fact name="Times that were missed">{CATCH_UPS[catch_up].fact}</Fact>
      {priority === null ? null : <Fact name="Priority">{priority}</Fact>}
      <Fact name="Created">
        <When at={schedule.created_at} /> by {created_by}
      </Fact>
      {changed ? (
        <Fact name="Last changed">
          <When at={schedule.updated_at} /> by {updated_by}
        </Fact>
      ) : null}
      {reason ? <Fact name="Reason">{reason}</Fact> : null}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="muted">{name}</dt>
      <dd className="any-text">{children}</dd>
    </div>
  );
}

function Next({ schedule: { enabled, next_runs, time_zone } }: { schedule: Schedule }) {
  return (
    <section className="panel" aria-labelledby="next">
      <h2 id="next">Next runs</h2>
      {next_runs.length > 0 ? (
        <ol className="next-runs">
          {next_runs.map((at) => (
            <li key={at}>
              <Due at={at} zone={time_zone} />
            </li>
          ))}
        </ol>
      ) : (
        <p className="muted">{enabled ? 'None.' : 'None: it is switched off.'}</p>
      )}
    </section>
  );
}
