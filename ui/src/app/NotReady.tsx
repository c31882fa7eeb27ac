// Says on every page that the server takes no jobs now, why, and since when.

import { useQuery } from '@tanstack/react-query';
import { Alert } from 'antd';
import { useEffect, useState } from 'react';
import { readyQuery } from '../api/queries';
import { Clock, When } from '../job/times';
import { notReady } from './ready';

const EVERY_MS = 5_000;

export function NotReady() {
  const { data, isError } = useQuery({ ...readyQuery, refetchInterval: EVERY_MS });
  // The live mark tells of a server that does not answer.
  const reasons = isError || !data ? [] : notReady(data);
  const since = useSince(reasons.length > 0);
  if (reasons.length === 0 || !since) return null;
  return (
    <Alert
      className="not-ready"
      type="warning"
      showIcon
      title="This server is not ready"
      description={
        <>
          {reasons.map((reason) => (
            <div key={reason}>{reason}</div>
          ))}
          <div className="muted">
            Seen since <Clock at={since} />, <When at={since} />.
          </div>
        </>
      }
    />
  );
}

/** When this page first saw it. */
function useSince(holds: boolean): string | undefined {
  const [since, setSince] = useState<string>();
  useEffect(() => setSince(holds ? new Date().toISOString() : undefined), [holds]);
  return since;
}
