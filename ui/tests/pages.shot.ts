// The pictures of the documentation: every page, light and dark, on a desk and the overview on a phone.

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ScheduleChange, ScheduleRequest } from '../src/api/schema';
import { expect, Server, test } from './support';

const FOLDER = resolve(import.meta.dirname, '../../docs/screenshots');

test('every page, light and dark', async ({ browser }) => {
  test.setTimeout(240_000);
  await mkdir(FOLDER, { recursive: true });
  const server = await Server.start({ flags: ['--media-root', '/usr/share/doc'] });
  try {
    const jobs = await seed(server);
    const pages: [name: string, path: string, there: string][] = [
      ['overview', '/', 'Running now'],
      ['jobs', '/jobs', 'Jobs'],
      ['job', `/jobs/${jobs.running}`, 'Demo'],
      ['job-cancelled', `/jobs/${jobs.cancelled}`, 'Demo'],
      ['job-errors', `/jobs/${jobs.errors}`, 'Demo'],
      ['run', '/run', 'Run a job'],
      ['run-form', '/run/demo', 'Demo'],
      ['schedules', '/schedules', 'Schedules'],
      ['schedule-form', '/schedules/new?run=demo', 'New schedule'],
      ['job-children', `/jobs/${jobs.parent}`, 'Demo'],
      ['runners', '/runners', 'Runners'],
    ];
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({
        baseURL: server.url,
        colorScheme,
        viewport: { width: 1280, height: 800 },
      });
      const page = await context.newPage();
      for (const [name, path, there] of pages) {
        await page.goto(path);
        await expect(page.getByRole('heading').filter({ hasText: there }).first()).toBeVisible();
        await expect(page.getByText('live', { exact: true })).toBeVisible();
        await page.waitForLoadState('networkidle');
        await page.screenshot({ path: `${FOLDER}/${name}-${colorScheme}.png`, animations: 'disabled' });
      }
      await page.setViewportSize({ width: 390, height: 800 });
      await page.goto('/');
      await expect(page.getByRole('progressbar').first()).toBeVisible();
      await page.waitForLoadState('networkidle');
      await page.screenshot({ path: `${FOLDER}/phone-${colorScheme}.png`, animations: 'disabled' });
      await context.close();
    }
  } finally {
    await server.stop();
  }
});

/** A server that has been used: jobs of every fate. */
async function seed(server: Server) {
  const cancelled = await server.submit('demo', { items: 500, item_ms: 20, ignore_cancel: true });
  const errors = await server.submit('demo', { items: 120, item_ms: 5, error_every: 9, log_lines: 2 });
  const ended = [
    errors,
    await server.submit('scan_library', { path: '/usr/share/doc' }, 'first look'),
    await server.submit('demo', { items: 40, item_ms: 5, fail_at: 31 }),
    await server.submit('demo', { items: 10, item_ms: 5, panic_at: 7 }),
  ];
  for (const id of ended) await server.ended(id);
  const body = { reason: 'wrong folder' };
  await server.api.POST('/api/jobs/{id}/cancel', { params: { path: { id: cancelled } }, body });
  await server.ended(cancelled);
  const parent = await server.submit('demo', { children: 4, items: 40, item_ms: 60, side_by_side: true }, 'in parts');
  await schedules(server);
  const running = await server.submit('demo', { items: 600, item_ms: 150, log_lines: 1 }, 'nightly');
  for (const items of [300, 450, 900]) await server.submit('demo', { items, item_ms: 180 });
  for (let n = 0; n < 3; n++) await server.submit('demo', { items: 50 });
  await server.api.POST('/api/jobs', {
    body: { type: 'demo', run_at: new Date(Date.now() + 5 * 3_600_000).toISOString() },
  });
  await expect.poll(async () => (await server.job(running)).progress).toBeGreaterThan(6);
  return { running, cancelled, errors, parent };
}

/** Some that ran, one that is switched off. */
async function schedules(server: Server) {
  const create = (body: Partial<ScheduleRequest> & { name: string }) =>
    server.api.POST('/api/schedules', { body: { type: 'demo', cron: '30 2 * * *', ...body } });
  await create({ name: 'Copy the new files', cron: '* * * * * *', params: { items: 2, item_ms: 500 } });
  await create({ name: 'Count every night', time_zone: 'Europe/Berlin', catch_up: 'one' });
  await create({ name: 'Clean up each Monday', type: 'cleanup', cron: '0 6 * * MON', enabled: false });
  const query = { limit: 20 };
  const all = await server.api.GET('/api/schedules');
  const path = { id: all.data?.schedules.find(({ name }) => name === 'Copy the new files')?.id ?? '' };
  await expect
    .poll(
      async () => (await server.api.GET('/api/schedules/{id}/runs', { params: { path, query } })).data?.runs.length,
      {
        timeout: 60_000,
      },
    )
    .toBe(query.limit);
  await server.api.PATCH('/api/schedules/{id}', { params: { path }, body: { cron: '*/10 * * * *' } as ScheduleChange });
}
