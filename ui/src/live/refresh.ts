// Keeps what was read true while jobs move: what is not told live is read again when a job begins or ends.

import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { JobSummary } from '../api/schema';
import { connection, store } from './live';

/** However fast jobs come and go. */
const AT_MOST_EVERY_MS = 1_000;

/** Reads these again when a job that concerns them is new, changed its status or is gone, and after a lost connection. */
export function useRefreshed(keys: readonly QueryKey[], concerns: (job: JobSummary) => boolean = () => true): void {
  const queries = useQueryClient();
  const latest = useRef({ keys, concerns });
  useEffect(() => {
    latest.current = { keys, concerns };
  });

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0;
    const refresh = () => {
      timer = undefined;
      last = Date.now();
      for (const queryKey of latest.current.keys) void queries.invalidateQueries({ queryKey });
    };
    const soon = () => {
      timer ??= setTimeout(refresh, Math.max(0, last + AT_MOST_EVERY_MS - Date.now()));
    };
    const unlisten = [
      store.onTransitions((jobs, gone) => {
        if (gone || jobs.some(latest.current.concerns)) soon();
      }),
      connection.onCaughtUp(soon),
    ];
    return () => {
      clearTimeout(timer);
      for (const stop of unlisten) stop();
    };
  }, [queries]);
}
