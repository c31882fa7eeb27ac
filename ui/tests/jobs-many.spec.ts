// The list with ten thousand jobs, and what it knows after the server was away.

import { expectAccessible, expectFits } from './axe';
import { expect, Server, test } from './support';

const JOBS = 10_000;
const LATER = '2030-01-01T00:00:00Z';

test('ten thousand jobs are scrolled through to the end, and few rows are drawn at any time', async ({
  page,
  server,
}) => {
  test.slow();
  const jobs = Array.from({ length: JOBS }, () => ({ type: 'demo', params: { items: 0 }, run_at: LATER }));
  const { data } = await server.api.POST('/api/jobs/batch', { body: { jobs } });
  const oldest = data?.jobs[0]?.id ?? '';
  const since = encodeURIComponent(data?.jobs[0]?.created_at ?? '');
  await page.goto(`/jobs?status=pending&since=${since}`);
  const drawn = page.locator('tr[data-id]');
  await expect(drawn.first()).toBeVisible();
  const most = { rows: 0 };
  const toEnd = () => page.evaluate(() => window.scrollTo({ top: document.documentElement.scrollHeight }));
  await expect
    .poll(
      async () => {
        await toEnd();
        most.rows = Math.max(most.rows, await drawn.count());
        return page.getByText('10,000 jobs, no more').isVisible();
      },
      { intervals: [50], timeout: 120_000 },
    )
    .toBe(true);
  await toEnd();
  await expect(page.locator(`tr[data-id="${oldest}"]`)).toBeInViewport();
  await expect(page.getByRole('grid')).toHaveAttribute('aria-rowcount', String(JOBS + 1));
  expect(most.rows).toBeLessThan(80);

  // A job and back: the list is where it was left.
  await page.locator(`tr[data-id="${oldest}"]`).getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(oldest));
  await page.goBack();
  await expect(page.locator(`tr[data-id="${oldest}"]`)).toBeInViewport();

  // All of them at once, and every row hears of it, drawn or not.
  await page.getByRole('checkbox', { name: 'Select the 10,000 loaded jobs' }).click();
  await page.getByRole('button', { name: 'Cancel…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel 10,000 jobs' }).click();
  await expect(page.getByText('10,000 jobs cancelled')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator(`tr[data-id="${oldest}"]`)).toContainText('cancelled');
  await page.evaluate(() => window.scrollTo({ top: 0 }));
  await expect(drawn.first()).toContainText('cancelled');
});

test('after the server was away the list is true again where it stands', async ({ browser }) => {
  test.slow();
  const server = await Server.start();
  const page = await browser.newPage();
  try {
    const { data } = await server.api.POST('/api/jobs/batch', {
      body: { jobs: Array.from({ length: 60 }, () => ({ type: 'demo', params: { items: 0 }, run_at: LATER })) },
    });
    const ids = data?.jobs.map((job) => job.id) ?? [];
    const [oldest = ''] = ids;
    await page.goto(`${server.url}/jobs?status=pending`);
    const row = page.locator(`tr[data-id="${oldest}"]`);
    await expect(page.locator('tr[data-id]').first()).toBeVisible();
    await page.evaluate(() => window.scrollTo({ top: document.documentElement.scrollHeight }));
    await expect(row).toBeInViewport();
    const scrolled = await page.evaluate(() => window.scrollY);

    await page.context().setOffline(true);
    await server.kill();
    await server.run();
    await server.api.POST('/api/jobs/cancel', { body: { ids: [oldest] } });
    await server.api.POST('/api/jobs', { body: { type: 'demo', params: { items: 0 }, run_at: LATER } });
    await page.context().setOffline(false);

    await expect(row).toContainText('cancelled', { timeout: 20_000 });
    await expect(page.getByRole('button', { name: '1 new job — show' })).toBeVisible();
    expect(await page.evaluate(() => window.scrollY)).toBe(scrolled);
  } finally {
    await page.close();
    await server.stop();
  }
});

test('a search that ended early says how far it looked, and goes on when it is asked to', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 0 }, 'far back');
  const found = await server.job(id);
  const searched_until = new Date(Date.now() - 3 * 3_600_000).toISOString();
  const asked: (string | null)[] = [];
  await page.route('**/api/jobs?*', async (route) => {
    const { searchParams } = new URL(route.request().url());
    if (searchParams.get('q') !== 'needle') return route.continue();
    const cursor = searchParams.get('cursor');
    asked.push(cursor);
    const jobs = cursor === 'second' ? [found] : [];
    const next_cursor = { first: 'second', second: null }[cursor ?? ''] ?? (cursor ? null : 'first');
    await route.fulfill({ json: { jobs, next_cursor, searched_until: next_cursor && searched_until } });
  });
  await page.goto('/jobs?q=needle');
  const foot = page.getByText('Searched back to 3 h ago');
  await expect(foot).toContainText('0 jobs found.');
  await expect(page.getByText('No job matches')).toBeHidden();
  await expectAccessible(page);
  await expectFits(page);
  await page.getByRole('button', { name: 'Search older jobs' }).click();
  await expect.poll(() => asked).toEqual([null, 'first']);
  await page.getByRole('button', { name: 'Search older jobs' }).click();
  await expect(page.locator(`tr[data-id="${id}"]`)).toBeVisible();
  await expect(page.getByText('1 job, no more')).toBeVisible();
  expect(asked).toEqual([null, 'first', 'second']);
});
