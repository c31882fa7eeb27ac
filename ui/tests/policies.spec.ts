// What a job type says of its jobs, and what follows on the pages: retries, timeouts, limits. The types are those of
// examples/policies.rs.

import type { Page } from '@playwright/test';
import type { JobDetail } from '../src/api/schema';
import { expectAccessible, expectFits } from './axe';
import { test as base, expect, Server } from './support';

const POLICIES = process.env.POLICIES ?? '../target/debug/examples/policies';

const test = base.extend<object, { server: Server }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads from the pattern what a fixture needs
    async ({}, use) => {
      const server = await Server.start({ program: POLICIES });
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
});

const status = (page: Page) => page.getByRole('region', { name: 'Job', exact: true }).locator('.job-title > .tag');

async function pause(server: Server, type: string, verb: 'pause' | 'resume'): Promise<void> {
  const params = { path: { type } };
  await server.api.POST(verb === 'pause' ? '/api/job-types/{type}/pause' : '/api/job-types/{type}/resume', { params });
}

test('a job that failed says which retry comes and why, and its attempts are told', async ({ page, server }) => {
  const id = await server.submit('try_again', { failures: 2, ms: 700 });
  await expect.poll(async () => (await server.job(id)).status).toBe('running');
  await pause(server, 'try_again', 'pause');
  await page.goto('/jobs');
  const row = page.getByRole('row').filter({ hasText: 'Try Again' });
  await expect(row).toContainText('pending, retry 1 of 3');
  await expect(row).toContainText(/Retry (in \d s|due): attempt 1 fails/);

  await page.goto(`/jobs/${id}`);
  await expect(status(page)).toHaveText('pending, retry 1 of 3');
  await expect(page.getByText('1 of 3, due')).toBeVisible();
  await expect(page.getByText(/^Paused by anonymous/)).toBeVisible();
  await expect(page.getByRole('region', { name: 'Error' })).toContainText('Error of attempt 1attempt 1 fails');

  await pause(server, 'try_again', 'resume');
  await expect(status(page)).toHaveText('completed', { timeout: 20_000 });
  await expect(page.getByText('3, 2 failures')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Error' })).toBeHidden();
  await page.getByRole('tab', { name: 'Attempts (3)' }).click();
  const attempts = page.getByRole('region', { name: 'Attempts' }).getByRole('listitem');
  await expect(attempts).toHaveText([
    /^Attempt 3 completed.*took \d+ ms.*process \d+$/,
    /^Attempt 2 failed, another followed.*next due \d\d:\d\d:\d\dattempt 2 fails$/,
    /^Attempt 1 failed, another followed.*next due \d\d:\d\d:\d\dattempt 1 fails$/,
  ]);
  await expectAccessible(page);
  await expectFits(page);
  await page.getByRole('tab', { name: 'Events' }).click();
  await expect(page.getByRole('row', { name: /the attempt failed, another follows.*attempt 2 fails/ })).toBeVisible();
});

test('a job whose time is up is stopped step by step, as its page shows', async ({ page, server }) => {
  const id = await server.submit('hurry_up');
  await page.goto(`/jobs/${id}?tab=events`);
  const ladder = page.getByRole('region', { name: 'Timeout' });
  await expect(status(page)).toHaveText('failed');
  await expect(ladder.getByRole('listitem')).toHaveText([
    /^Its time was up.*an attempt of this type may take 1 s$/,
    /^Its runner heard/,
    /^Aborted/,
    /^Stopped/,
  ]);
  await expect(page.getByRole('row', { name: /its time was up: asked to stop timeout/ })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Error' })).toContainText('timed out after 1 s');

  // As it was half a second before, which is too short to be looked at.
  await page.route(`**/api/jobs/${id}`, async (route) => {
    const job = (await (await route.fetch()).json()) as JobDetail;
    const { stopped_at: _, ...cancel } = job.cancel ?? {};
    const before = { status: 'running', outcome: null, error: null, completed_at: null, cancel, rev: job.rev + 1_000 };
    await route.fulfill({ json: { ...job, ...before } });
  });
  await page.reload();
  await expect(status(page)).toHaveText('running, time is up');
  await expect(ladder.getByRole('listitem').last()).toHaveText(/^Stopping/);
});

test('what waits for a limit says for which, and leads to the jobs that have the places', async ({ page, server }) => {
  const [first, second] = [
    await server.submit('walk_in_pairs', { ms: 600_000 }),
    await server.submit('walk_in_pairs', { ms: 600_000 }),
  ];
  const third = await server.submit('walk_in_pairs');
  await page.goto(`/jobs/${third}`);
  await expect(page.getByText(/^At most 2 Walk in Pairs run in the cluster, and 2 do/)).toBeVisible();
  const holders = page.getByRole('list', { name: 'Jobs that it waits for' }).getByRole('link');
  await expect(holders).toHaveCount(2);
  await expectAccessible(page);
  for (const id of [first, second]) {
    await server.api.POST('/api/jobs/{id}/cancel', { params: { path: { id } }, body: {} });
  }
  await expect(status(page)).toHaveText('completed');
  await expect(holders).toHaveCount(0);
});

test('a type says its limits where it runs and where it is run', async ({ page }) => {
  await page.goto('/runners');
  const runner = (name: string) =>
    page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) });
  await expect(runner('Walk in Pairs')).toContainText('At most 2 at a time in the whole cluster.');
  await expect(runner('Keep Pace')).toContainText('At most 3 starts in 2 s.');
  await expect(runner('Hurry Up')).toContainText('Stopped and failed after 1 s.');
  await expectAccessible(page);
  await expectFits(page);
  await page.goto('/run/try_again');
  await expect(page.getByText(/^3 retries after a failure, the first within 400 ms/)).toBeVisible();
});
