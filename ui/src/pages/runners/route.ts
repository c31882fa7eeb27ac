import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../app/root';

export const runnersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/runners',
  component: lazyRouteComponent(() => import('./Runners'), 'Runners'),
});
