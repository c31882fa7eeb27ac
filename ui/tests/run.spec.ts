// Running jobs from the catalog and the form of their type.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { test as base, expect, Server } from './support';

/** A server that has a media folder. */
const test = base.extend<object, { server: Server; media: string }>({
  media: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads from the pattern what a fixture needs
    async ({}, use) => {
      const dir = await mkdtemp(join(tmpdir(), 'stashhog-media-'));
      await writeFile(join(dir, 'clip.txt'), 'x');
      await use(dir);
      await rm(dir, { recursive: true, force: true });
    },
    { scope: 'worker' },
  ],
  server: [
    async ({ media }, use) => {
      const server = await Server.start({ flags: ['--media-root', media] });
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
});

/** Cancels what a test left pending or running. */
test.afterEach(async ({ server }) => {
  await server.api.POST('/api/jobs/cancel', { body: { all: true } });
  await expect
    .poll(async () => {
      const query = { status: ['pending' as const, 'running' as const, 'cancelling' as const] };
      return (await server.api.GET('/api/jobs', { params: { query } })).data?.jobs.length;
    })
    .toBe(0);
});

const LATER = '2999-01-01T00:00:00Z';

async function landedJob(page: Page): Promise<string> {
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  return page.url().split('/').at(-1) ?? '';
}

async function hasNoScrollbar(page: Page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
}

test.describe('the catalog', () => {
  test('lists every type by category, and what of it runs', async ({ page, server }) => {
    await page.goto('/run');
    await expect(
      page.getByRole('region', { name: 'Maintenance' }).getByRole('link', { name: 'Cleanup' }),
    ).toBeVisible();
    const demo = page.getByRole('article').filter({ has: page.getByRole('link', { name: 'Demo' }) });
    await expect(demo).toContainText('Counts to a number');
    await expect(demo).toContainText('0 of 4 running');
    await server.submit('demo', { items: 1_000_000, item_ms: 50 });
    await server.submit('demo', { items: 1_000_000, item_ms: 50 });
    await expect(demo).toContainText('2 of 4 running');
  });

  test('is searched, and leads to the form', async ({ page }) => {
    await page.goto('/run');
    const search = page.getByRole('searchbox', { name: 'Search job types' });
    await search.fill('media folders');
    await expect(page.getByRole('article')).toHaveCount(1);
    await search.fill('no such thing');
    await expect(page.getByText('Nothing is called')).toBeVisible();
    await search.fill('CLEAN');
    await page.getByRole('link', { name: 'Cleanup' }).click();
    await expect(page.getByRole('heading', { name: 'Run Cleanup' })).toBeVisible();
  });

  test('of an unknown type says which was meant', async ({ page }) => {
    await page.goto('/run/clenup');
    await expect(page.getByText('There is no job type “clenup”')).toBeVisible();
    await page.getByRole('link', { name: 'Cleanup' }).click();
    await expect(page.getByRole('heading', { name: 'Run Cleanup' })).toBeVisible();
  });
});

test.describe('the form', () => {
  test('begins with the defaults and runs a job', async ({ page, server }) => {
    await page.goto('/run/demo');
    await expect(page.getByLabel('Items')).toHaveValue('30');
    await expect(page.getByLabel('Item ms')).toHaveValue('200');
    await expect(page.getByLabel('Error every')).toHaveValue('');
    await expect(page.getByLabel('Block')).not.toBeChecked();
    await expect(page.getByText('How long one item takes, in milliseconds.')).toBeVisible();
    await page.getByLabel('Items').fill('4');
    await page.getByLabel('Item ms').fill('0');
    await page.getByLabel('Error every').fill('2');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const job = await server.ended(await landedJob(page));
    expect(job.params).toMatchObject({ items: 4, item_ms: 0, error_every: 2, fail_at: null, block: false });
    expect(job.outcome).toBe('completed_with_errors');
  });

  test('is filled in and sent by keyboard alone', async ({ page, server }) => {
    await page.goto('/run');
    const card = page.getByRole('link', { name: 'Demo' });
    await expect(card).toBeVisible();
    while (!(await card.evaluate((link) => link === document.activeElement))) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const items = page.getByLabel('Items');
    await expect(items).toBeVisible();
    while (!(await items.evaluate((input) => input === document.activeElement))) await page.keyboard.press('Tab');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('3');
    await page.keyboard.press('ArrowUp');
    await expect(items).toHaveValue('4');
    await page.keyboard.press('Enter');
    const job = await server.job(await landedJob(page));
    expect(job.params).toMatchObject({ items: 4 });
  });

  test('an emptied field is null or the default', async ({ page, server }) => {
    await page.goto('/run/demo');
    await page.getByLabel('Fail at').fill('5');
    await page.getByLabel('Fail at').fill('');
    await page.getByLabel('Items').fill('');
    await expect(page.getByLabel('Items')).toHaveAttribute('placeholder', '30');
    await page.getByLabel('Item ms').fill('0');
    // Another change leaves what was emptied empty.
    await expect(page.getByLabel('Items')).toHaveValue('');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const job = await server.job(await landedJob(page));
    expect(job.params).toMatchObject({ fail_at: null, items: 30, item_ms: 0 });
  });

  test('tells what is wrong at the field while it is written', async ({ page }) => {
    await page.goto('/run/demo');
    const lines = page.getByLabel('Log lines');
    await lines.pressSequentially('999999');
    await expect(page.getByText('Must be at most 100,000')).toBeVisible();
    await expect(lines).toHaveAttribute('aria-invalid', 'true');
    await expect(lines).toHaveAccessibleDescription(/How many lines.*Must be at most 100,000/);
    await lines.fill('7');
    await expect(page.getByText('Must be at most 100,000')).toBeHidden();
    await page.getByLabel('Items').fill('a few');
    await expect(page.getByText('Must be a whole number')).toBeVisible();
    // Nothing is sent, and the field that is wrong is where to go on.
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(page.getByLabel('Items')).toBeFocused();
    await expect(page).toHaveURL(/\/run\/demo$/);
  });

  test('tells at the field what the server found', async ({ page, server, media }) => {
    await page.goto('/run/scan_library');
    const path = page.getByLabel('Path');
    await path.fill('not/absolute');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(page.getByText('Must be an absolute path')).toBeVisible();
    await expect(path).toBeFocused();
    await path.fill(media);
    await expect(page.getByText('Must be an absolute path')).toBeHidden();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const job = await server.ended(await landedJob(page));
    expect(job.params).toMatchObject({ path: media, probe: true });
  });

  test('gives a reason, a priority and a time to start', async ({ page, server }) => {
    await page.goto('/run/demo');
    await page.getByText('More: reason, priority, start').click();
    await page.getByLabel('Reason').fill('to see');
    await page.getByLabel('Priority').fill('5000');
    await expect(page.getByText('Must be at most 1,000')).toBeVisible();
    await page.getByLabel('Priority').fill('5');
    await page.getByLabel('Start', { exact: true }).fill('2998-12-31T12:00:00');
    await page.getByRole('button', { name: 'Schedule' }).click();
    const job = await server.job(await landedJob(page));
    expect(job).toMatchObject({ status: 'pending', priority: 5, reason: 'to see' });
    const local = await page.evaluate(() => new Date('2998-12-31T12:00:00').toISOString());
    expect(Date.parse(job.run_at)).toBe(Date.parse(local));
  });

  test('gives a deadline and a unique key, and leads to the job that has the key', async ({ page, server }) => {
    const run = async () => {
      await page.goto('/run/demo');
      await page.getByText('More: reason, priority, start').click();
      await page.getByLabel('Start', { exact: true }).fill('2998-12-31T12:00:00');
      await page.getByLabel('Deadline').fill('2999-12-31T12:00:00');
      await page.getByLabel('Unique key').fill('movie-7');
      await page.getByRole('button', { name: 'Schedule' }).click();
    };
    await run();
    const first = await server.job(await landedJob(page));
    const local = await page.evaluate(() => new Date('2999-12-31T12:00:00').toISOString());
    expect(Date.parse(first.expires_at ?? '')).toBe(Date.parse(local));
    await expect(page.getByText('Not started after')).toBeVisible();
    await run();
    await expect(page.getByRole('link', { name: 'See that job' })).toHaveAttribute('href', `/jobs/${first.id}`);
    await hasNoScrollbar(page);
    expect((await new AxeBuilder({ page }).include('#main').analyze()).violations).toEqual([]);
  });

  test('makes one job when the answer is lost and it is sent again', async ({ page, server }) => {
    const reason = `lost ${Date.now()}`;
    let lost = '';
    await page.route('**/api/jobs', async (route) => {
      if (route.request().method() !== 'POST' || lost) return route.continue();
      lost = ((await (await route.fetch()).json()) as { id: string }).id;
      await route.abort();
    });
    await page.goto('/run/demo');
    await page.getByLabel('Items').fill('0');
    await page.getByText('More: reason, priority, start').click();
    await page.getByLabel('Reason').fill(reason);
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(page.getByText('The server does not answer')).toBeVisible();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    expect(await landedJob(page)).toBe(lost);
    const { data } = await server.api.GET('/api/jobs', { params: { query: { type: ['demo'], limit: 50 } } });
    expect(data?.jobs.filter((job) => job.reason === reason)).toHaveLength(1);
  });
});

test.describe('what is remembered', () => {
  test('the params of the last run', async ({ page }) => {
    await page.goto('/run/demo');
    await expect(page.getByRole('button', { name: 'Last used' })).toBeHidden();
    await page.getByLabel('Items').fill('3');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await landedJob(page);
    await page.goto('/run/demo');
    await expect(page.getByLabel('Items')).toHaveValue('30');
    await page.getByRole('button', { name: 'Last used' }).click();
    await expect(page.getByLabel('Items')).toHaveValue('3');
    await page.getByRole('button', { name: 'Defaults' }).click();
    await expect(page.getByLabel('Items')).toHaveValue('30');
  });

  test('params with a name, until they are deleted', async ({ page }) => {
    await page.goto('/run/demo');
    await page.getByLabel('Items').fill('7');
    await page.getByRole('button', { name: 'Save as…' }).click();
    await page.getByLabel('Name of these params').fill('small');
    await page.keyboard.press('Enter');
    await page.reload();
    await expect(page.getByLabel('Items')).toHaveValue('30');
    await page.getByRole('button', { name: 'small', exact: true }).click();
    await expect(page.getByLabel('Items')).toHaveValue('7');
    await page.getByRole('button', { name: 'Delete small' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(page.getByRole('button', { name: 'small', exact: true })).toBeHidden();
    await page.reload();
    await expect(page.getByLabel('Items')).toHaveValue('30');
    await expect(page.getByRole('button', { name: 'small', exact: true })).toBeHidden();
  });

  test('what the type no longer takes is left out, and named', async ({ page }) => {
    await page.addInitScript(() => {
      const params = { items: 'many', item_ms: 5, gone: true };
      localStorage.setItem('stashhog.run.demo', JSON.stringify({ presets: { old: params, broken: 3 } }));
      localStorage.setItem('stashhog.run.cleanup', '{');
    });
    await page.goto('/run/demo');
    await page.getByRole('button', { name: 'old', exact: true }).click();
    await expect(
      page.getByText('Left out, because this type does not take them like that: Items, gone.'),
    ).toBeVisible();
    await expect(page.getByLabel('Items')).toHaveValue('30');
    await expect(page.getByLabel('Item ms')).toHaveValue('5');
    await page.goto('/run/cleanup');
    await expect(page.getByLabel('Retention days')).toHaveValue('');
  });
});

test.describe('a job again', () => {
  test('begins with its params and is linked with it', async ({ page, server }) => {
    const old = await server.submit('demo', { items: 5, item_ms: 1, error_every: 2 });
    await server.ended(old);
    await page.goto(`/run/demo?from=${old}`);
    await expect(page.getByRole('heading', { name: 'Run again with changes' })).toBeVisible();
    await expect(page.getByLabel('Items')).toHaveValue('5');
    await expect(page.getByLabel('Error every')).toHaveValue('2');
    await page.getByLabel('Error every').fill('');
    await page.getByRole('button', { name: 'Run again' }).click();
    await expect(page).not.toHaveURL(/\/run\//);
    const job = await server.ended(await landedJob(page));
    expect(job).toMatchObject({ retry_of: old, outcome: 'completed' });
    expect(job.params).toMatchObject({ items: 5, error_every: null });
    expect((await server.job(old)).retried_as).toEqual([job.id]);
  });

  test('has to have ended', async ({ page, server }) => {
    const old = await server.submit('demo', { items: 1_000_000, item_ms: 50 });
    await page.goto(`/run/demo?from=${old}`);
    await expect(page.getByText('It has not ended')).toBeVisible();
    const again = page.getByRole('button', { name: 'Run again' });
    await expect(again).toBeDisabled();
    await server.api.POST('/api/jobs/{id}/cancel', { params: { path: { id: old } } });
    await expect(again).toBeEnabled();
    await expect(page.getByText('It has not ended')).toBeHidden();
  });

  test('of another type or one that is gone leads on', async ({ page, server }) => {
    const old = await server.submit('demo', { items: 0 });
    await page.goto(`/run/cleanup?from=${old}`);
    await page.getByRole('link', { name: 'Run it again as what it is' }).click();
    await expect(page.getByRole('heading', { name: 'Run again with changes' })).toBeVisible();
    await page.goto('/run/demo?from=01900000-0000-7000-8000-000000000000');
    await expect(page.getByRole('alert')).toContainText('01900000-0000-7000-8000-000000000000');
    await page.getByRole('link', { name: 'Run Demo without it' }).click();
    await expect(page.getByRole('heading', { name: 'Run Demo' })).toBeVisible();
  });
});

test.describe('an exclusive type', () => {
  test('says which job stands in the way, until it is done', async ({ page, server }) => {
    await page.goto('/run/cleanup');
    const run = page.getByRole('button', { name: 'Run', exact: true });
    await expect(run).toBeEnabled();
    const { data: first } = await server.api.POST('/api/jobs', { body: { type: 'cleanup', run_at: LATER } });
    await expect(page.getByText('Only one job of this type may exist at a time.')).toBeVisible();
    await expect(run).toBeDisabled();
    await expect(page.getByRole('link', { name: 'This one' })).toHaveAttribute('href', `/jobs/${first?.id}`);
    await page.reload();
    await expect(page.getByRole('link', { name: 'This one' })).toBeVisible();
    await server.api.POST('/api/jobs/{id}/cancel', { params: { path: { id: first?.id ?? '' } } });
    await expect(run).toBeEnabled();
    await expect(page.getByText('Only one job of this type may exist at a time.')).toBeHidden();
  });

  test('says so too when another was faster', async ({ page, server }) => {
    let first = '';
    await page.route('**/api/jobs', async (route) => {
      const { data } = await server.api.POST('/api/jobs', { body: { type: 'cleanup', run_at: LATER } });
      first = data?.id ?? '';
      await route.continue();
    });
    await page.goto('/run/cleanup');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(page.getByText('Only one job of this type may exist at a time.')).toBeVisible();
    await expect(page.getByRole('link', { name: 'This one' })).toHaveAttribute('href', `/jobs/${first}`);
    await expect(page).toHaveURL(/\/run\/cleanup$/);
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing stands in a reader's way, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    for (const path of ['/run', '/run/demo', '/run/scan_library']) {
      await page.goto(path);
      await expect(page.getByText(/of \d running/).first()).toBeVisible();
      if (path === '/run/demo') {
        await page.getByLabel('Items').fill('a few');
        await page.getByText('More: reason').click();
      }
      expect((await new AxeBuilder({ page }).include('#main').analyze()).violations).toEqual([]);
    }
  });
}

for (const width of [1280, 390]) {
  test(`nothing is wider than ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    for (const path of ['/run', '/run/demo', '/run/scan_library']) {
      await page.goto(path);
      await expect(page.getByText(/of \d running/).first()).toBeVisible();
      await hasNoScrollbar(page);
    }
  });
}
