import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';
import { filterOf } from './filter';

export const plansRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/plans',
  component: lazyRouteComponent(
    late(() => import('./Plans')),
    'Plans',
  ),
});

export const planRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/plans/$id',
  validateSearch: filterOf,
  component: lazyRouteComponent(
    late(() => import('./OnePlan')),
    'OnePlan',
  ),
});
