// Creates a schedule. It begins with what it is to run; the rest follows from that.

import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useRouterState } from '@tanstack/react-router';
import { Skeleton } from 'antd';
import { jobTypesQuery } from '../../api/queries';
import type { JobType } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { newScheduleRoute } from './route';
import { ScheduleForm } from './ScheduleForm';
import { TypePicker } from './TypePicker';
import { useFields } from './useFields';
import './schedules.css';

export function NewSchedule() {
  useTitle('New schedule');
  const { data: types, error, refetch } = useQuery(jobTypesQuery);
  return (
    <div className="schedule-edit">
      <p className="schedule-back">
        <Link to="/schedules">Schedules</Link>
      </p>
      <div className="page-head">
        <h1>New schedule</h1>
      </div>
      {types ? <Form types={types} /> : null}
      {!types && error ? <Failed error={error} again={() => void refetch()} /> : null}
      {!types && !error ? <Skeleton active paragraph={{ rows: 8 }} /> : null}
    </div>
  );
}

function Form({ types }: { types: JobType[] }) {
  const { run: name } = newScheduleRoute.useSearch();
  const given = useRouterState({ select: ({ location }) => location.state.scheduled });
  const navigate = useNavigate();
  const fields = useFields(undefined);
  const type = types.find((known) => known.type === name);
  const picker = (
    <TypePicker
      types={types}
      value={name}
      {...(name && !type ? { error: `there is no job type “${name}” on this server` } : {})}
      change={(chosen) => void navigate({ to: '/schedules/new', search: { run: chosen }, replace: true })}
    />
  );
  if (!type) return <div className="panel schedule-form">{picker}</div>;
  return (
    <ScheduleForm
      key={type.type}
      type={type}
      from={undefined}
      params={given?.type === type.type ? given.params : undefined}
      fields={fields}
    >
      {picker}
    </ScheduleForm>
  );
}
