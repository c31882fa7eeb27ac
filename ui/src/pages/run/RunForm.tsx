// Runs a job of a type, or a job again with other params.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Skeleton } from 'antd';
import { jobQuery, jobTypesQuery } from '../../api/queries';
import type { JobType } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { near } from './catalog';
import { TypeForm } from './TypeForm';
import './run.css';

const route = getRouteApi('/run/$type');

export function RunForm() {
  const { type: name } = route.useParams();
  const { from } = route.useSearch();
  const { data: types, error, refetch } = useQuery(jobTypesQuery);
  if (!types) return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  const type = types.find((known) => known.type === name);
  if (!type) return <Unknown name={name} types={types} />;
  return from ? <Again key={`${name} ${from}`} type={type} id={from} /> : <TypeForm key={name} type={type} />;
}

/** A job again: what it was run with has to be known first. */
function Again({ type, id }: { type: JobType; id: string }) {
  const { data: job, error, refetch } = useQuery(jobQuery(id));
  const plain = (
    <Link to="/run/$type" params={{ type: type.type }}>
      Run {type.label} without it
    </Link>
  );
  if (job && job.type !== type.type) {
    return (
      <Empty title="That job is of another type">
        <Link to="/run/$type" params={{ type: job.type }} search={{ from: id }}>
          Run it again as what it is
        </Link>
        , or {plain}.
      </Empty>
    );
  }
  if (job) return <TypeForm type={type} from={job} />;
  if (!error) return <Loading />;
  return (
    <>
      <Failed error={error} again={() => void refetch()} />
      <p>{plain}</p>
    </>
  );
}

function Unknown({ name, types }: { name: string; types: JobType[] }) {
  const meant = near(name, types);
  return (
    <>
      <h1 className="hidden-label">Run a job</h1>
      <Empty title={`There is no job type “${name}”`}>
        {meant.length > 0 ? (
          <>
            Did you mean{' '}
            {meant.map((type, at) => (
              <span key={type.type}>
                {at > 0 ? ' or ' : ''}
                <Link to="/run/$type" params={{ type: type.type }}>
                  {type.label}
                </Link>
              </span>
            ))}
            ?{' '}
          </>
        ) : null}
        <Link to="/run">All job types</Link>
      </Empty>
    </>
  );
}

function Loading() {
  return (
    <div className="run-form">
      <Skeleton active paragraph={{ rows: 10 }} />
    </div>
  );
}
