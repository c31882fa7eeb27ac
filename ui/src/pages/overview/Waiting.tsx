// What waits, and why: how many of each type, and the newest of them.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, unwrap } from '../../api/client';
import type { JobSummary, Stats } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { TypeTag } from '../../job/tags';
import { Why } from '../../job/Why';
import { count } from '../../job/words';
import { useLiveJob } from '../../live/live';

const SHOWN = 6;

export function Waiting({ stats }: { stats: Stats | undefined }) {
  const {
    data: jobs,
    error,
    refetch,
  } = useQuery({
    queryKey: ['overview', 'waiting'],
    queryFn: async ({ signal }) => {
      const query = { status: ['pending' as const], limit: SHOWN };
      return (await unwrap(api.GET('/api/jobs', { params: { query }, signal }))).jobs;
    },
  });
  const waiting = stats?.active.filter((of) => of.status === 'pending') ?? [];
  return (
    <section className="panel" aria-labelledby="waiting">
      <h2 id="waiting">Waiting</h2>
      {error && !jobs ? <Failed error={error} again={() => void refetch()} /> : null}
      {jobs?.length === 0 ? <p className="muted">Nothing waits: every job found a free slot.</p> : null}
      {waiting.length > 0 ? (
        <div className="chips">
          {waiting.map((of) => (
            <Link key={of.type} to="/jobs" search={{ status: ['pending'], type: [of.type] }}>
              <TypeTag type={of.type} /> <span className="number">{count(of.count)}</span>
            </Link>
          ))}
        </div>
      ) : null}
      <ul className="rows">
        {jobs?.map((job) => (
          <Row key={job.id} read={job} />
        ))}
      </ul>
    </section>
  );
}

function Row({ read }: { read: JobSummary }) {
  const job = useLiveJob(read.id, read);
  return (
    <li className="row">
      <span className="row-name">
        <TypeTag type={job.type} />
        <Link to="/jobs/$id" params={{ id: job.id }} className="row-text">
          {job.status === 'pending' ? <Why job={job} /> : 'Started'}
        </Link>
      </span>
    </li>
  );
}
