import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';
import { searchOf } from './search';

export const libraryRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/library',
  validateSearch: searchOf,
  component: lazyRouteComponent(
    late(() => import('./Library')),
    'Library',
  ),
});
