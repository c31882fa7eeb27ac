// Sends the job, and what comes of it: the page of the new job, errors at their fields, or the job that stands in the way.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api, Problem, unwrap } from '../../api/client';
import { jobQuery } from '../../api/queries';
import type { FieldError, JobDetail, JobType } from '../../api/schema';
import type { ParamsState } from '../../form/useParams';
import { store } from '../../live/live';
import { NAMES, type OptionsState } from './useOptions';
import { noteUnfinished } from './useUnfinished';

interface Run {
  type: JobType;
  /** The job that is run again. */
  from: JobDetail | undefined;
  form: ParamsState;
  options: OptionsState;
  done(): void;
  refused(): void;
}

export function useRun({ type, from, form, options, done, refused }: Run) {
  const navigate = useNavigate();
  const queries = useQueryClient();

  const { mutate, isPending, error } = useMutation({
    mutationFn: () => {
      const params = form.params();
      const { reason } = options.values;
      return from
        ? unwrap(api.POST('/api/jobs/{id}/retry', { params: { path: { id: from.id } }, body: { params, reason } }))
        : unwrap(api.POST('/api/jobs', { body: { ...options.values, type: type.type, params } }));
    },
    onSuccess: async (job) => {
      store.apply([job]);
      done();
      if (from) void queries.invalidateQueries(jobQuery(from.id));
      await navigate({ to: '/jobs/$id', params: { id: job.id } });
    },
    onError: (problem) => {
      if (!(problem instanceof Problem)) return;
      if (problem.job) {
        store.apply([problem.job]);
        noteUnfinished(queries, problem.job);
      }
      form.refuse(problem.errors.filter((error) => !isOption(error)).map(inParams));
      options.refuse(problem.errors);
      refused();
    },
  });

  // What is told at its place is not told twice.
  const toldElsewhere = error instanceof Problem && (error.errors.length > 0 || error.code === 'exclusive_job_active');
  return { run: () => mutate(), running: isPending, failure: error && !toldElsewhere ? error : undefined };
}

/** Pointers of the request's params lead into the form; others to none of its fields. */
function inParams({ pointer, message }: FieldError): FieldError {
  const inside = pointer === '/params' || pointer.startsWith('/params/');
  return inside
    ? { pointer: pointer.slice('/params'.length), message }
    : { pointer: '', message: `${pointer}: ${message}` };
}

function isOption({ pointer }: FieldError): boolean {
  return NAMES.some((name) => pointer === `/${name}`);
}
