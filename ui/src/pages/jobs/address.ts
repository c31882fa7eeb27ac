// The filter in the page's address.

import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useEffect, useRef } from 'react';
import { filterOf, type JobFilter } from './filter';
import { forget } from './list';

const route = getRouteApi('/jobs');

export function useFilter(): JobFilter {
  return route.useSearch();
}

export type ChangeFilter = (part: JobFilter, replace?: boolean) => void;

/** Changes fields of the filter; what is undefined is taken out. The list is read anew, where the back button finds the old one. */
export function useChangeFilter(): ChangeFilter {
  const filter = useFilter();
  const navigate = route.useNavigate();
  const latest = useRef(filter);
  useEffect(() => {
    latest.current = filter;
  }, [filter]);
  return useCallback(
    (part, replace = false) => {
      // Two changes may come before the address shows the first: a text that was typed, and a press elsewhere.
      latest.current = filterOf({ ...latest.current, ...part });
      forget(latest.current);
      void navigate({ search: latest.current, replace });
    },
    [navigate],
  );
}
