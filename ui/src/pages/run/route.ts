import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';

export const runRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/run',
  component: lazyRouteComponent(
    late(() => import('./Catalog')),
    'Catalog',
  ),
});

export const runTypeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/run/$type',
  /** The job whose params the form begins with. */
  validateSearch: (search: Record<string, unknown>): { from?: string } =>
    typeof search.from === 'string' ? { from: search.from } : {},
  component: lazyRouteComponent(
    late(() => import('./RunForm')),
    'RunForm',
  ),
});
