// The title of the browser's tab while a page is open: its history and a screen reader tell pages apart by it.

import { useEffect } from 'react';

const HOME = 'StashHog';

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${HOME}`;
  }, [title]);
  useEffect(
    () => () => {
      document.title = HOME;
    },
    [],
  );
}
