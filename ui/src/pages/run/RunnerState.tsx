// How many jobs of a type run now, live, and which of them may run beside each other.

import { useCallback, useSyncExternalStore } from 'react';
import type { JobType } from '../../api/schema';
import { store } from '../../live/live';

const ADMISSION: Record<JobType['admission'], string> = {
  per_node: '',
  serial: 'one after another',
  exclusive: 'one at a time',
};

export function RunnerState({ type }: { type: JobType }) {
  const running = useRunning(type.type);
  const { slots } = type.runner;
  // More than this node's runner has room for: other nodes run some too.
  const words = running > slots ? `${running} running` : `${running} of ${slots} running`;
  const admission = ADMISSION[type.admission];
  return (
    <span className={`run-state number${running > 0 ? ' busy' : ''}`}>
      <span className="dot" aria-hidden="true" />
      {words}
      {admission ? `, ${admission}` : ''}
      {type.paused ? ', paused' : ''}
    </span>
  );
}

/** A number, so that only a change of it draws anew. */
function useRunning(type: string): number {
  return useSyncExternalStore(
    useCallback((listener: () => void) => store.onRunning(listener), []),
    () => store.running().filter((job) => job.type === type).length,
  );
}
