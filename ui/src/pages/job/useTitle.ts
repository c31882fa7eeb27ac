// The title of the browser's tab while a page is open.

import { useEffect } from 'react';

const HOME = 'StashHog';

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · ${HOME}` : HOME;
  }, [title]);
  useEffect(
    () => () => {
      document.title = HOME;
    },
    [],
  );
}
