// The supervisor's tree: the runner of each job type, what it runs, how it fares; and where a type is paused.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { jobTypesQuery } from '../../api/queries';
import type { JobType } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { useRefreshed } from '../../live/refresh';
import { Nodes } from '../../node/Nodes';
import { PauseDialog } from './PauseDialog';
import { Runner } from './Runner';
import './runners.css';

const EVERY_MS = 3_000;

export function Runners() {
  useTitle('Runners');
  useRefreshed([jobTypesQuery.queryKey]);
  const { data: types, error, refetch } = useQuery({ ...jobTypesQuery, refetchInterval: EVERY_MS });
  const [paused, pause] = useState<JobType>();
  return (
    <>
      <div className="page-head">
        <h1>Runners</h1>
      </div>
      {error && !types ? <Failed error={error} again={() => void refetch()} /> : null}
      <div className="runners-page">
        <section className="panel" aria-labelledby="this-node">
          <h2 id="this-node">Runners of this node</h2>
          <p className="muted">
            Each job type has a runner, an actor of its own. What one type does, or fails at, does not touch the others.
          </p>
          <ul className="runners">
            {types?.map((type) => (
              <Runner key={type.type} type={type} pause={pause} />
            ))}
          </ul>
        </section>
        <Nodes jobs />
      </div>
      {paused ? <PauseDialog type={paused} close={() => pause(undefined)} /> : null}
    </>
  );
}
