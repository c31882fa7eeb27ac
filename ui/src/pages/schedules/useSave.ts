// Saves a schedule, and what comes of it: its page, or errors at their fields.

import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, isChanged, Problem, unwrap } from '../../api/client';
import type { FieldError, JobType, Schedule } from '../../api/schema';
import type { ParamsState } from '../../form/useParams';
import type { FieldsState } from './useFields';
import { useTakeIn } from './useSchedules';

interface Save {
  type: JobType;
  /** The schedule that is changed; a new one is created when undefined. */
  from: Schedule | undefined;
  fields: FieldsState;
  form: ParamsState;
  refused(): void;
}

export function useSave({ type, from, fields, form, refused }: Save) {
  const navigate = useNavigate();
  const takeIn = useTakeIn();
  // The version that a person had before them when they began to edit.
  const [seen] = useState(from?.etag);
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => {
      const body = { ...fields.sent(), type: type.type, params: form.params() };
      return from
        ? unwrap(
            api.PATCH('/api/schedules/{id}', { params: { path: { id: from.id }, header: { 'If-Match': seen } }, body }),
          )
        : unwrap(api.POST('/api/schedules', { body }));
    },
    onSuccess: async (schedule) => {
      takeIn(schedule);
      await navigate({ to: '/schedules/$id', params: { id: schedule.id } });
    },
    onError: (problem) => {
      if (!(problem instanceof Problem)) return;
      const rest = fields.refuse(errorsOf(problem));
      form.refuse(rest.map(inParams));
      refused();
    },
  });
  const toldElsewhere = error instanceof Problem && errorsOf(error).length > 0;
  const failure = error && !toldElsewhere ? (isChanged(error) ? new Error(CHANGED) : error) : undefined;
  return { save: () => mutate(), saving: isPending, failure };
}

const CHANGED =
  'somebody else changed this schedule while you edited it, and nothing was saved; reload the page to edit it as it is now';

/** A name that is taken is an error of its field, too. */
function errorsOf({ code, errors }: Problem): FieldError[] {
  return code === 'schedule_name_taken' ? [{ pointer: '/name', message: 'is taken by another schedule' }] : errors;
}

/** Pointers of the schedule's params lead into their form; others to none of its fields. */
function inParams({ pointer, message }: FieldError): FieldError {
  const inside = pointer === '/params' || pointer.startsWith('/params/');
  if (inside) return { pointer: pointer.slice('/params'.length), message };
  return { pointer: '', message: pointer ? `${pointer.slice(1)} ${message}` : message };
}
