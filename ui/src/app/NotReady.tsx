// Says on every page that the server takes no jobs now, why, and since when.

import { useQuery } from '@tanstack/react-query';
import { Alert } from 'antd';
import { readyQuery } from '../api/queries';
import { Clock, When } from '../job/times';
import { notReady } from './ready';

const EVERY_MS = 5_000;

export function NotReady() {
  const { data, isError } = useQuery({ ...readyQuery, refetchInterval: EVERY_MS });
  // The live mark tells of a server that does not answer.
  const reasons = isError || !data ? [] : notReady(data);
  if (reasons.length === 0) return null;
  return (
    <Alert
      className="not-ready"
      type="warning"
      showIcon
      title="This server is not ready"
      description={reasons.map(({ code, message, since }) => (
        <div key={code}>
          {message}{' '}
          <span className="muted">
            since <Clock at={since} />, <When at={since} />
          </span>
        </div>
      ))}
    />
  );
}
