// Says what an act on many jobs would do, and does it when that is meant.

import { useQuery } from '@tanstack/react-query';
import type { BulkRequest } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { Confirm } from '../../job/actions';
import { plural } from '../../job/words';
import { type Act, bulk, leftOut, preview, type Tally } from './bulk';

export interface Ask {
  act: Act;
  request: BulkRequest;
}

interface BulkDialogProps {
  ask: Ask;
  done(tally: Tally, reason: string | null): void;
  close(): void;
}

export function BulkDialog({ ask: { act, request }, done, close }: BulkDialogProps) {
  const { data, error, refetch } = useQuery({
    queryKey: ['bulk', act, request],
    queryFn: ({ signal }) => bulk(act, { ...request, dry_run: true }, signal),
    staleTime: 0,
    gcTime: 0,
  });
  const verb = act === 'cancel' ? 'Cancel' : 'Retry';
  const jobs = data && !data.more ? plural(data.done, 'job') : 'these jobs';
  return (
    <Confirm
      title={`${verb} these jobs?`}
      action={`${verb} ${jobs}`}
      danger={act === 'cancel'}
      disabled={!data || data.done === 0}
      act={async (reason) => done(await bulk(act, { ...request, reason }), reason)}
      close={close}
    >
      <div className="bulk-preview" role="status">
        {error ? <Failed error={error} again={() => void refetch()} /> : null}
        {data ? (
          <>
            <p>{preview(act, data)}</p>
            <p className="muted">{leftOut(act, data) ?? note(act, request)}</p>
          </>
        ) : error ? null : (
          <p>Counting…</p>
        )}
      </div>
    </Confirm>
  );
}

/** What the server does with a filter beyond its words. */
function note(act: Act, request: BulkRequest): string {
  if (request.ids) return '';
  if (act === 'cancel') return request.status ? '' : 'Jobs that wait or run; those that have ended stay as they are.';
  const which =
    request.status || request.outcome ? 'Jobs' : 'Jobs that failed, were cancelled or completed with errors,';
  return `${which} that were not retried before.`;
}
