import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';

export const runnersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/runners',
  component: lazyRouteComponent(
    late(() => import('./Runners')),
    'Runners',
  ),
});
