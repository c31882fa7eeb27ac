import { createRootRoute } from '@tanstack/react-router';
import { Failed } from './Failed';
import { Frame } from './Frame';
import { NotFound } from './NotFound';

export const rootRoute = createRootRoute({
  component: Frame,
  notFoundComponent: NotFound,
  errorComponent: ({ error, reset }) => (
    <Failed error={error instanceof Error ? error : new Error(String(error))} again={reset} />
  ),
});
