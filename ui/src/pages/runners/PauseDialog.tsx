import { useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import { jobTypesQuery } from '../../api/queries';
import type { JobType } from '../../api/schema';
import { Confirm } from '../../job/actions';

export function PauseDialog({ type, close }: { type: JobType; close(): void }) {
  const queries = useQueryClient();
  const act = async (reason: string | null) => {
    const call = api.POST('/api/job-types/{type}/pause', { params: { path: { type: type.type } }, body: { reason } });
    await unwrap(call);
    await queries.invalidateQueries(jobTypesQuery);
  };
  return (
    <Confirm title={`Pause ${type.label}?`} action="Pause" act={act} close={close}>
      <p>
        On every server: no job of this type starts until it is resumed. What runs goes on, what is asked for waits.
      </p>
    </Confirm>
  );
}
