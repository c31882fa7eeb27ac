import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { late } from '../../app/late';
import { rootRoute } from '../../app/root';
import { isTab, type Tab } from './tab';

export const jobRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/jobs/$id',
  /** The open tab; the overview when left out. */
  validateSearch: (search: Record<string, unknown>): { tab?: Tab } => (isTab(search.tab) ? { tab: search.tab } : {}),
  component: lazyRouteComponent(
    late(() => import('./Job')),
    'Job',
  ),
});
