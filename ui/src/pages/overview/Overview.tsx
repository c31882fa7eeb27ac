// What runs, what waits, what went wrong, and how much is done: the page that is left open all day.

import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client';
import { statsQuery } from '../../api/queries';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { useRefreshed } from '../../live/refresh';
import { Nodes } from '../../node/Nodes';
import { Durations } from './Durations';
import { Figures } from './Figures';
import { Running } from './Running';
import { Throughput } from './Throughput';
import { Troubles } from './Troubles';
import { Waiting } from './Waiting';
import { Welcome } from './Welcome';
import './overview.css';

const HOUR = 60;

export function Overview() {
  useTitle('Overview');
  useRefreshed([['stats'], ['overview']]);
  const { data: stats, dataUpdatedAt, error, refetch } = useQuery({ ...statsQuery(HOUR), refetchInterval: 30_000 });
  const { data: jobs } = useQuery({
    queryKey: ['overview', 'newest'],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET('/api/jobs', { params: { query: { limit: 1 } }, signal }))).jobs,
  });
  const unused = jobs?.length === 0;
  return (
    <>
      <div className="page-head">
        <h1>Overview</h1>
        {stats && !unused ? <Figures stats={stats} /> : null}
      </div>
      {error && !stats ? <Failed error={error} again={() => void refetch()} /> : null}
      {unused ? (
        <Welcome />
      ) : (
        <div className="overview">
          <Running />
          <Waiting stats={stats} />
          <Troubles />
          <Throughput stats={stats} readAt={dataUpdatedAt} />
          <Durations stats={stats} />
          <div className="wide">
            <Nodes />
          </div>
        </div>
      )}
    </>
  );
}
