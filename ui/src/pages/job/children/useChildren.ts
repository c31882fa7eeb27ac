// The jobs that a job started, kept true while they come and go.

import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../../api/client';
import type { JobSummary } from '../../../api/schema';
import { useRefreshed } from '../../../live/refresh';

interface Children {
  /** The oldest first. */
  jobs: JobSummary[];
  /** There are more than these. */
  more: boolean;
}

/** `known` is what was read with the job itself. */
export function useChildren(id: string, known?: Children) {
  const queryKey = ['children', id];
  useRefreshed([queryKey], (job) => job.parent_id === id);
  return useQuery<Children>({
    queryKey,
    queryFn: async ({ signal }) => {
      const { children, more_children } = await unwrap(api.GET('/api/jobs/{id}', { params: { path: { id } }, signal }));
      return { jobs: children, more: more_children };
    },
    ...(known ? { initialData: known } : {}),
  });
}
