// Every page: one folder in pages/, one line here, one line in navigation.tsx.

import { createRouter } from '@tanstack/react-router';
import { jobRoute } from '../pages/job/route';
import { jobsRoute } from '../pages/jobs/route';
import { overviewRoute } from '../pages/overview/route';
import { runRoute, runTypeRoute } from '../pages/run/route';
import { runnersRoute } from '../pages/runners/route';
import { rootRoute } from './root';

export const router = createRouter({
  routeTree: rootRoute.addChildren([overviewRoute, jobsRoute, jobRoute, runRoute, runTypeRoute, runnersRoute]),
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
