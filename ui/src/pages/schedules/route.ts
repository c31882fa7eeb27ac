import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';

export const schedulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/schedules',
  component: lazyRouteComponent(
    late(() => import('./Schedules')),
    'Schedules',
  ),
});

export const newScheduleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/schedules/new',
  /** The type of its jobs, once it is chosen. */
  validateSearch: (search: Record<string, unknown>): { run?: string } =>
    typeof search.run === 'string' ? { run: search.run } : {},
  component: lazyRouteComponent(
    late(() => import('./NewSchedule')),
    'NewSchedule',
  ),
});

export const scheduleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/schedules/$id',
  component: lazyRouteComponent(
    late(() => import('./OneSchedule')),
    'OneSchedule',
  ),
});

export const editScheduleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/schedules/$id/edit',
  component: lazyRouteComponent(
    late(() => import('./EditSchedule')),
    'EditSchedule',
  ),
});
