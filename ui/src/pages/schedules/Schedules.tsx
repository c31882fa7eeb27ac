// All schedules: when each is next due, what became of the last time.

import { Link, useNavigate } from '@tanstack/react-router';
import { Alert, Button, Input, Skeleton } from 'antd';
import { useState } from 'react';
import type { Schedule } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { TypeTag } from '../../job/tags';
import { capital } from '../../job/words';
import { Acts, Enabled } from './Acts';
import { NextRun } from './Due';
import { LastRun } from './LastRun';
import { Strip } from './Strip';
import { Timing } from './Timing';
import { useSchedules } from './useSchedules';
import './schedules.css';

/** Fewer are looked through at a glance. */
const SEARCHED_FROM = 10;

export function Schedules() {
  useTitle('Schedules');
  const navigate = useNavigate();
  const { data: schedules, error, refetch } = useSchedules();
  const [search, setSearch] = useState('');
  const found = schedules?.filter(({ name, type }) => `${name} ${type}`.toLowerCase().includes(search.toLowerCase()));
  return (
    <>
      <div className="page-head">
        <h1>Schedules</h1>
        <div className="schedules-head">
          {schedules && schedules.length >= SEARCHED_FROM ? (
            <Input
              type="search"
              placeholder="Search"
              aria-label="Search schedules"
              allowClear
              value={search}
              onChange={({ target }) => setSearch(target.value)}
            />
          ) : null}
          {schedules?.length === 0 ? null : (
            <Button type="primary" onClick={() => void navigate({ to: '/schedules/new' })}>
              New schedule
            </Button>
          )}
        </div>
      </div>
      {error ? <Failed error={error} again={() => void refetch()} /> : null}
      {!schedules && !error ? <Skeleton active paragraph={{ rows: 6 }} /> : null}
      {schedules?.length === 0 ? <None create={() => void navigate({ to: '/schedules/new' })} /> : null}
      {found && found.length === 0 && search ? (
        <Empty title={`No schedule has “${search}” in its name or type`} />
      ) : null}
      <ul className="schedules">
        {found?.map((schedule) => (
          <Row key={schedule.id} schedule={schedule} />
        ))}
      </ul>
    </>
  );
}

function None({ create }: { create(): void }) {
  return (
    <Empty title="There are no schedules yet">
      A schedule runs jobs of one type by the clock: every night, every Monday, every ten minutes. It says what happens
      when the job before has not ended, and when the server was down at the time.
      <span className="schedules-none">
        <Button type="primary" onClick={create}>
          Create a schedule
        </Button>
      </span>
    </Empty>
  );
}

function Row({ schedule }: { schedule: Schedule }) {
  const { id, name, type, enabled, problem } = schedule;
  return (
    <li className={enabled ? 'panel schedule' : 'panel schedule off'}>
      <div className="schedule-head">
        <Enabled schedule={schedule} />
        <h2>
          <Link to="/schedules/$id" params={{ id }}>
            {name}
          </Link>
        </h2>
        <TypeTag type={type} />
        <Acts schedule={schedule} />
      </div>
      {problem ? <Alert type="warning" showIcon title={capital(problem.message)} /> : null}
      <div className="schedule-facts">
        <div className="schedule-timing">
          <Timing schedule={schedule} />
        </div>
        <dl>
          <dt>Next</dt>
          <dd>
            {enabled ? (
              <NextRun times={schedule.next_runs} zone={schedule.time_zone} />
            ) : (
              <span className="muted">switched off</span>
            )}
          </dd>
        </dl>
        <dl>
          <dt>Last</dt>
          <dd>
            <LastRun read={schedule.last_run} />
          </dd>
        </dl>
        <Strip schedule={schedule} />
      </div>
    </li>
  );
}
