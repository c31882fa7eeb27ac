// What failed lately, or ended with errors.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, unwrap } from '../../api/client';
import type { JobSummary, OutcomeKind } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { StatusTag, TypeTag } from '../../job/tags';
import { When } from '../../job/times';

const SHOWN = 6;
const TROUBLES: OutcomeKind[] = ['failed', 'completed_with_errors'];

export function Troubles() {
  const {
    data: jobs,
    error,
    refetch,
  } = useQuery({
    queryKey: ['overview', 'troubles'],
    queryFn: async ({ signal }) => {
      const query = { outcome: TROUBLES, limit: SHOWN };
      return (await unwrap(api.GET('/api/jobs', { params: { query }, signal }))).jobs;
    },
  });
  return (
    <section className="panel" aria-labelledby="troubles">
      <h2 id="troubles">Failed lately</h2>
      {error && !jobs ? <Failed error={error} again={() => void refetch()} /> : null}
      {jobs?.length === 0 ? <p className="muted">Nothing failed.</p> : null}
      <ul className="rows">
        {jobs?.map((job) => (
          <Row key={job.id} job={job} />
        ))}
      </ul>
      {jobs && jobs.length === SHOWN ? (
        <p>
          <Link to="/jobs" search={{ outcome: TROUBLES }}>
            All of them
          </Link>
        </p>
      ) : null}
    </section>
  );
}

function Row({ job }: { job: JobSummary }) {
  const text = job.error ?? job.message ?? 'No word of why';
  return (
    <li className="row">
      <span className="row-name">
        <TypeTag type={job.type} />
        <Link to="/jobs/$id" params={{ id: job.id }} className="row-text" title={text}>
          {text}
        </Link>
      </span>
      <span className="row-facts muted">
        <StatusTag job={job} />
        {job.completed_at ? <When at={job.completed_at} /> : null}
      </span>
    </li>
  );
}
