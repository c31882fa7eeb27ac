// Changes a schedule.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Skeleton } from 'antd';
import { useState } from 'react';
import { Problem } from '../../api/client';
import { jobTypesQuery, scheduleQuery } from '../../api/queries';
import type { JobType, Schedule } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { Gone, isGone } from './OneSchedule';
import { editScheduleRoute } from './route';
import { ScheduleForm } from './ScheduleForm';
import { TypePicker } from './TypePicker';
import { useFields } from './useFields';
import './schedules.css';

export function EditSchedule() {
  const { id } = editScheduleRoute.useParams();
  const types = useQuery(jobTypesQuery);
  const schedule = useQuery({ ...scheduleQuery(id), staleTime: 0 });
  if (schedule.error instanceof Problem && isGone(schedule.error)) return <Gone />;
  // What is cached may be older than what somebody else wrote.
  if (types.data && schedule.data && !schedule.isFetching) {
    return <Edit key={id} types={types.data} schedule={schedule.data} />;
  }
  const failed = [schedule, types].find(({ error, data }) => error && !data);
  if (failed?.error) return <Failed error={failed.error} again={() => void failed.refetch()} />;
  return <Skeleton active paragraph={{ rows: 8 }} />;
}

function Edit({ types, schedule }: { types: JobType[]; schedule: Schedule }) {
  useTitle(`Edit ${schedule.name}`);
  const [name, choose] = useState(schedule.type);
  const fields = useFields(schedule);
  const type = types.find((known) => known.type === name);
  const picker = (
    <TypePicker
      types={types}
      value={name}
      {...(type ? {} : { error: `there is no job type “${name}” on this server; choose another` })}
      change={choose}
    />
  );
  return (
    <div className="schedule-edit">
      <p className="schedule-back">
        <Link to="/schedules">Schedules</Link> ›{' '}
        <Link to="/schedules/$id" params={{ id: schedule.id }}>
          {schedule.name}
        </Link>
      </p>
      <div className="page-head">
        <h1>Edit {schedule.name}</h1>
      </div>
      {type ? (
        <ScheduleForm
          key={type.type}
          type={type}
          from={schedule}
          params={type.type === schedule.type ? schedule.params : undefined}
          fields={fields}
        >
          {picker}
        </ScheduleForm>
      ) : (
        <div className="panel schedule-form">{picker}</div>
      )}
    </div>
  );
}
