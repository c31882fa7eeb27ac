// The page of a job: how it goes, how it is stopped and run again, and that it stays true whatever happens to the server.

import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, type Server, test } from './support';

const run = promisify(execFile);

const status = (page: Page) => page.getByRole('region', { name: 'Job', exact: true }).locator('.job-title > .tag');
const tab = (page: Page, name: string | RegExp) => page.getByRole('tab', { name });

async function open(page: Page, id: string, search = ''): Promise<void> {
  await page.goto(`/jobs/${id}${search}`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
}

async function cancel(page: Page, reason: string): Promise<void> {
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByLabel('Reason, kept with the job (optional)').fill(reason);
  await page.getByRole('button', { name: 'Cancel the job' }).click();
}

test('a job is followed to its end, and its result appears', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 100, item_ms: 150 }, 'to be looked at');
  await open(page, id);
  await expect(page.getByText('to be looked at')).toBeVisible();
  const bar = page.getByRole('progressbar', { name: 'Progress' });
  const at = async () => Number(await bar.getAttribute('aria-valuenow'));
  await expect.poll(at).toBeGreaterThan(0);
  await expect(page).toHaveTitle(/^Demo \d+% · StashHog$/);
  const before = await at();
  await expect.poll(at).toBeGreaterThan(before);
  await expect(page.getByText(/items\/s/)).toBeVisible();
  await expect(page.getByText(/\d+ s left|nearly done/)).toBeVisible();
  await expect(status(page)).toHaveText('completed', { timeout: 30_000 });
  await expect.poll(at).toBe(100);
  await expect(page.getByRole('region', { name: 'Result' })).toContainText('items100');
  await expect(page.getByRole('img', { name: /^Progress: .*100% at/ })).toBeVisible();
  await expect(page).toHaveTitle('Demo completed · StashHog');
  await expect(page.getByRole('button', { name: 'Cancel', exact: true })).toBeHidden();
});

test('a cancellation is shown step by step, with who, why and when', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 1_000, item_ms: 100 });
  await open(page, id);
  await expect(status(page)).toHaveText('running');
  await cancel(page, 'it takes too long');
  await expect(status(page)).toHaveText('cancelled');
  const ladder = page.getByRole('region', { name: 'Cancellation' });
  await expect(ladder.getByRole('listitem')).toHaveText([
    /Asked to stop by anonymous\d\d:\d\d:\d\d.*it takes too long/,
    /Its runner heard\d\d:\d\d:\d\d/,
    /Stopped\d\d:\d\d:\d\d/,
  ]);
  await tab(page, 'Events').click();
  await expect(page.getByRole('row', { name: /asked to stop anonymous it takes too long/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /cancelled/ })).toBeVisible();
  await page.reload();
  await expect(tab(page, 'Events')).toHaveAttribute('aria-selected', 'true');
});

test('a job that does not listen is aborted, as the ladder shows', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 1_000, item_ms: 100, ignore_cancel: true });
  await open(page, id, '?tab=events');
  await expect(status(page)).toHaveText('running');
  await cancel(page, '');
  const ladder = page.getByRole('region', { name: 'Cancellation' });
  await expect(ladder.getByRole('listitem').last()).toContainText('aborted when it has not stopped after 10 s');
  await expect(ladder).toContainText(/Aborted\d\d:\d\d:\d\d/, { timeout: 30_000 });
  await expect(status(page)).toHaveText('cancelled');
  await expect(page.getByRole('row', { name: /aborted: it did not stop in time/ })).toBeVisible();
});

test('items that failed are found, and done again alone', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 3_000, item_ms: 0, error_every: 3 });
  await server.ended(id);
  await open(page, id);
  await expect(status(page)).toHaveText('completed, 1,000 errors');
  await tab(page, 'Item errors (1,000)').click();
  const table = page.getByRole('table', { name: 'Items that failed' });
  await expect(table.getByRole('cell', { name: 'item 3', exact: true })).toBeVisible();
  expect(await table.getByRole('row').count()).toBeLessThan(60);
  await page.getByLabel('Search the item errors').fill('item 2997');
  await expect(table.getByRole('row')).toHaveCount(2);
  await expect(table.getByRole('cell').first()).toHaveText('item 2997');
  await page.getByLabel('Search the item errors').fill('nothing like it');
  await expect(page.getByText('No item error has “nothing like it” in it')).toBeVisible();

  await page.getByRole('button', { name: 'Retry 1,000 failed items' }).click();
  await page.getByRole('button', { name: 'Retry the failed items' }).click();
  await page.waitForURL((url) => !url.pathname.includes(id));
  await expect(page.getByRole('region', { name: 'Only these items' })).toContainText('1,000 items');
  const created = new URL(page.url()).pathname.split('/').at(-1) ?? '';
  expect((await server.job(created)).retry_of).toBe(id);
  await page.getByRole('link', { name: `…${id.slice(-8)}` }).click();
  await expect(page.getByText('Retried as')).toBeVisible();
  await expect(page.getByRole('link', { name: `…${created.slice(-8)}` })).toBeVisible();
});

test('a failure tells why', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 5, item_ms: 0, fail_at: 2 });
  await server.ended(id);
  await open(page, id);
  await expect(page.getByRole('region', { name: 'Error' })).toContainText('item 2 was told to fail the job');
  await expect(page.getByRole('region', { name: 'Result' })).toContainText('No result.');
});

test('two tabs agree', async ({ page, context, server }) => {
  const id = await server.submit('demo', { items: 1_000, item_ms: 50 });
  const other = await context.newPage();
  await open(page, id);
  await open(other, id);
  await expect(status(other)).toHaveText('running');
  await cancel(page, 'by one of two');
  for (const each of [page, other]) {
    await expect(status(each)).toHaveText('cancelled');
    await expect(each.getByRole('region', { name: 'Cancellation' })).toContainText('by one of two');
  }
  const amount = await page.locator('.job-amount').textContent();
  await expect(other.locator('.job-amount')).toHaveText(amount ?? '');
  await other.close();
});

test('the page survives its server, and tells the truth after it', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 200, item_ms: 100 });
  await open(page, id);
  await expect(status(page)).toHaveText('running');
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  await server.kill();
  await expect(page.getByText(/^reconnecting/)).toBeVisible();
  await server.run();
  await expect(page.getByText('live', { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('2, 1 interruption')).toBeVisible();
  await tab(page, 'Events').click();
  await expect(page.getByRole('row', { name: /rescued from a node that died/ })).toBeVisible();
  await expect(status(page)).toHaveText('completed', { timeout: 40_000 });
  const { attempt } = await server.job(id);
  await expect(page.getByText(`${attempt}, 1 interruption`)).toBeVisible();
});

test('the same run works from a shell', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 3, item_ms: 0, error_every: 2 });
  await server.ended(id);
  await open(page, id);
  const [cli = '', curl = ''] = await page
    .getByRole('region', { name: 'The same run' })
    .locator('code')
    .allTextContents();
  const program = resolve(import.meta.dirname, process.env.STASHHOG ?? '../../target/debug/stashhog');
  const PATH = `${dirname(program)}:${process.env.PATH}`;
  // Completed with errors is 3.
  await expect(run('sh', ['-c', cli], { env: { ...process.env, PATH } })).rejects.toMatchObject({ code: 3 });
  const { stdout } = await run('sh', ['-c', curl]);
  const first = await server.job(id);
  const again = await server.ended((JSON.parse(stdout) as { id: string }).id);
  expect(again.params).toEqual(first.params);
  const { data } = await server.api.GET('/api/jobs', { params: { query: { type: ['demo'], limit: 2 } } });
  for (const job of data?.jobs ?? []) expect((await server.job(job.id)).params).toEqual(first.params);
});

test('a job that does not exist is said not to', async ({ page }) => {
  for (const id of ['01a20d3f-9a6e-72c2-9c73-45fb0a35ddd5', 'nonsense']) {
    await page.goto(`/jobs/${id}`);
    await expect(page.getByText('There is no such job')).toBeVisible();
  }
});

async function jobOfEveryKind(server: Server): Promise<string[]> {
  const failed = await server.submit(
    'demo',
    { items: 50, item_ms: 0, fail_at: 40, error_every: 3, log_lines: 3 },
    'x'.repeat(400),
  );
  const stopped = await server.submit('demo', { items: 9_000, item_ms: 100, error_every: 3 });
  await expect.poll(async () => (await server.job(stopped)).status).toBe('running');
  await server.api.POST('/api/jobs/{id}/cancel', {
    params: { path: { id: stopped } },
    body: { reason: 'y'.repeat(300) },
  });
  await Promise.all([server.ended(failed), server.ended(stopped)]);
  return [failed, stopped];
}

test('every part is accessible and fits the screen, in light and in dark', async ({ page, server }) => {
  test.slow();
  for (const id of await jobOfEveryKind(server)) {
    for (const [width, colorScheme] of [
      [1280, 'light'],
      [390, 'dark'],
      [1280, 'dark'],
      [390, 'light'],
    ] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      for (const name of ['overview', 'log', 'errors', 'events']) {
        await open(page, id, `?tab=${name}`);
        await expect(page.getByRole('tabpanel')).not.toBeEmpty();
        await expect(page.locator('.ant-skeleton')).toHaveCount(0);
        const { violations } = await new AxeBuilder({ page }).include('main').analyze();
        expect(
          violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]),
          `${name} ${colorScheme}`,
        ).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(width);
      }
    }
  }
});
