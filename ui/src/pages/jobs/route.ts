import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../app/root';

export const jobsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/jobs',
  validateSearch: (search: Record<string, unknown>): { status?: string[]; type?: string[]; outcome?: string[] } =>
    search,
  component: lazyRouteComponent(() => import('./Jobs'), 'Jobs'),
});
