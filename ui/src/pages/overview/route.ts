import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';

export const overviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  component: lazyRouteComponent(
    late(() => import('./Overview')),
    'Overview',
  ),
});
