// Jobs that other jobs started: the way down to them, the tree below, and how lists mark them.

import type { Page } from '@playwright/test';
import { expectAccessible, expectFits } from './axe';
import { expect, type Server, test } from './support';

test.afterEach(async ({ server }) => {
  await server.api.POST('/api/jobs/cancel', { body: { all: true } });
  await expect
    .poll(async () => {
      const query = { status: ['pending' as const, 'running' as const, 'cancelling' as const] };
      return (await server.api.GET('/api/jobs', { params: { query } })).data?.jobs.length;
    })
    .toBe(0);
});

const tree = (page: Page) => page.getByRole('region', { name: 'The jobs that it started' });
const rows = (page: Page) => tree(page).getByRole('listitem');

async function childrenOf(server: Server, id: string): Promise<string[]> {
  return (await server.job(id)).children.map((child) => child.id);
}

test('the jobs of a job appear as it starts them, level by level, and are followed to their ends', async ({
  page,
  server,
}) => {
  const params = { children: 2, levels: 2, items: 4, item_ms: 300, keep_going: true };
  await page.goto('/jobs');
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  const id = await server.submit('demo', params);
  await page.goto(`/jobs/${id}`);
  await expect(page.getByRole('heading', { name: 'Jobs that it started' })).toBeVisible();
  await expect(tree(page).getByRole('link', { name: 'child 1 of 2' })).toBeVisible();
  await rows(page)
    .first()
    .getByRole('button', { name: /^Jobs that “.*” started$/ })
    .click();
  const below = rows(page).first().getByRole('listitem');
  await expect(below.first()).toBeVisible();
  await expect(below).toHaveCount(2, { timeout: 20_000 });
  await expect(page.getByText('2 jobs: 2 completed')).toBeVisible({ timeout: 40_000 });
  await expect(below.getByText('completed', { exact: true })).toHaveCount(2);
  await expect(page.locator('.job-title > .tag')).toHaveText('completed');
  await below.first().getByRole('button').click();
  await expect(below.first()).toContainText('It started no jobs.');
  await expectAccessible(page);
  await expectFits(page);
});

test('a job of another job tells the way down to it, and leads up', async ({ page, server }) => {
  const id = await server.submit('demo', { children: 1, levels: 2, items: 100_000 });
  const found = async () => {
    const [child = ''] = await childrenOf(server, id);
    return child ? ((await childrenOf(server, child))[0] ?? '') : '';
  };
  await expect.poll(found).not.toBe('');
  const grandchild = await found();
  await page.goto(`/jobs/${grandchild}`);
  const way = page.getByRole('navigation', { name: 'Jobs above this one' });
  await expect(way.getByRole('listitem')).toHaveText([/Demo running/, /Demo running/, 'this job']);
  await expect(page.getByText(/by job …[0-9a-f]{8}/)).toBeVisible();
  await expectAccessible(page);
  await way.getByRole('link').first().click();
  await expect(page).toHaveURL(new RegExp(`${id}$`));
  await expect(way).toBeHidden();
  await expect(rows(page)).toHaveCount(1);
});

test('the list marks jobs of other jobs, and shows those of one', async ({ page, server }) => {
  const id = await server.submit('demo', { children: 3, items: 0, side_by_side: true });
  await server.ended(id);
  await page.goto('/jobs');
  const child = page.locator(`tr[data-id="${(await childrenOf(server, id))[0]}"]`);
  await expect(child.getByRole('img', { name: 'child job' })).toBeVisible();
  await expect(page.locator(`tr[data-id="${id}"]`).getByRole('img', { name: 'child job' })).toHaveCount(0);
  await child.getByRole('link', { name: `job …${id.slice(-8)}` }).click();
  await expect(page).toHaveURL(new RegExp(`${id}$`));
  await page.goto(`/jobs?parent=${id}`);
  await expect(page.locator('tr[data-id]')).toHaveCount(3);
  await page.getByRole('link', { name: `Started by job …${id.slice(-8)}` }).click();
  await expect(page.locator(`tr[data-id="${id}"]`)).toBeVisible();
});
