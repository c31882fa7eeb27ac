// Every page: one folder in pages/, one line here, one line in navigation.tsx.

import { createRouter } from '@tanstack/react-router';
import { jobRoute } from '../pages/job/route';
import { jobsRoute } from '../pages/jobs/route';
import { libraryRoute } from '../pages/library/route';
import { overviewRoute } from '../pages/overview/route';
import { planRoute, plansRoute } from '../pages/plans/route';
import { runRoute, runTypeRoute } from '../pages/run/route';
import { runnersRoute } from '../pages/runners/route';
import { editScheduleRoute, newScheduleRoute, scheduleRoute, schedulesRoute } from '../pages/schedules/route';
import { settingsRoute } from '../pages/settings/route';
import { rootRoute } from './root';

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    overviewRoute,
    jobsRoute,
    jobRoute,
    runRoute,
    runTypeRoute,
    libraryRoute,
    plansRoute,
    planRoute,
    schedulesRoute,
    newScheduleRoute,
    scheduleRoute,
    editScheduleRoute,
    runnersRoute,
    settingsRoute,
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }

  /** What one page hands to the next beside the address. */
  interface HistoryState {
    /** What a new schedule begins with. */
    scheduled?: { type: string; params: Record<string, unknown> };
  }
}
