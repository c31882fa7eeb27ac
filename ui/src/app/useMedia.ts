// Whether a media query matches, now and after it changes.

import { useCallback, useSyncExternalStore } from 'react';

export function useMedia(query: MediaQueryList): boolean {
  return useSyncExternalStore(
    useCallback(
      (listener: () => void) => {
        query.addEventListener('change', listener);
        return () => query.removeEventListener('change', listener);
      },
      [query],
    ),
    () => query.matches,
  );
}
