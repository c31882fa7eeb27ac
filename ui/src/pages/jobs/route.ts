import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';
import { filterOf } from './filter';

export const jobsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/jobs',
  validateSearch: filterOf,
  component: lazyRouteComponent(
    late(() => import('./Jobs')),
    'Jobs',
  ),
});
