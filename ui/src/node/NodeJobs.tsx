// The jobs that a node runs, as far as this page hears of them.

import { Link } from '@tanstack/react-router';
import { useCallback, useSyncExternalStore } from 'react';
import { ShortId } from '../job/ShortId';
import { plural } from '../job/words';
import { store } from '../live/live';

/** More than these are a number. */
const SHOWN = 6;

export function NodeJobs({ id }: { id: string }) {
  const ids = useRunningOn(id);
  if (ids.length === 0) return null;
  return (
    <ul className="node-jobs" aria-label="Jobs that it runs">
      {ids.slice(0, SHOWN).map((job) => (
        <li key={job}>
          <Link to="/jobs/$id" params={{ id: job }}>
            <ShortId id={job} />
          </Link>
        </li>
      ))}
      {ids.length > SHOWN ? <li className="muted">and {plural(ids.length - SHOWN, 'more', 'more')}</li> : null}
    </ul>
  );
}

/** As one text, so that only a change of it draws anew, not the progress of a job. */
function useRunningOn(node: string): string[] {
  const ids = useSyncExternalStore(
    useCallback((listener: () => void) => store.onRunning(listener), []),
    () =>
      store
        .running()
        .filter((job) => job.node_id === node)
        .map((job) => job.id)
        .join(' '),
  );
  return ids ? ids.split(' ') : [];
}
