import type { Page } from '@playwright/test';
import { expectAccessible, expectFits } from './axe';
import { expect, Server, test } from './support';

const grid = (page: Page) => page.getByRole('grid', { name: 'Jobs, newest first' });
const row = (page: Page, id: string) => page.locator(`tr[data-id="${id}"]`);
const rows = (page: Page) => grid(page).locator('tbody tr[data-id]');

/** A job that waits for long, so that it stays as it is. */
const LATER = '2030-01-01T00:00:00Z';

async function submit(server: Server, count: number, params = {}, more = {}): Promise<string[]> {
  const jobs = Array.from({ length: count }, () => ({ type: 'demo', params, ...more }));
  const { data, error } = await server.api.POST('/api/jobs/batch', { body: { jobs } });
  if (!data) throw new Error(`the jobs were refused: ${JSON.stringify(error)}`);
  return data.jobs.map((job) => job.id);
}

/** Opens the list and waits until changes are heard. */
async function open(page: Page, path = '/jobs') {
  await page.goto(path);
  await expect(page.getByText('live', { exact: true })).toBeVisible();
}

test('without jobs, the page says how to run one, and shows it when it comes', async ({ browser }) => {
  const server = await Server.start();
  const context = await browser.newContext();
  const page = await context.newPage();
  try {
    await open(page, `${server.url}/jobs`);
    await expect(page.getByText('There are no jobs yet')).toBeVisible();
    await expect(page.getByRole('main').getByRole('link', { name: 'Run a job' })).toBeVisible();
    await expectAccessible(page);
    const id = await server.submit('demo', { items: 0 });
    await expect(row(page, id)).toContainText('completed');
  } finally {
    await context.close();
    await server.stop();
  }
});

test('a row shows what its job is, and opens it', async ({ page, server }) => {
  const bad = await server.submit('demo', { items: 30, item_ms: 1, fail_at: 16 });
  await server.ended(bad);
  await open(page);
  const cells = row(page, bad).getByRole('gridcell');
  await expect(cells).toContainText(['Demo', 'failed', '15 / 30 items', 'told to fail', 'anonymous', 'ago', 'ms'], {
    timeout: 20_000,
  });
  await expect(row(page, bad).getByTitle('item 16 was told to fail the job')).toBeVisible();
  await row(page, bad).getByText('anonymous').click();
  await expect(page).toHaveURL(new RegExp(`/jobs/${bad}$`));
});

test('filters are in the address, and the back button takes them back', async ({ page, server }) => {
  const bad = await server.submit('demo', { items: 3, item_ms: 1, fail_at: 1 });
  const good = await server.submit('demo', { items: 3, item_ms: 1 });
  await Promise.all([server.ended(bad), server.ended(good)]);
  await open(page);
  await expect(row(page, good)).toBeVisible();

  await page.getByRole('link', { name: 'Failed' }).click();
  await expect(row(page, good)).toHaveCount(0);
  await expect(row(page, bad)).toBeVisible();
  await expect(page).toHaveURL(/status=.*failed/);

  await page.getByRole('searchbox').pressSequentially('nowhere to be found');
  await expect(page.getByText('No job matches')).toBeVisible();
  await expect(page).toHaveURL(/q=nowhere/);

  // The whole filter opens again from its address.
  await page.reload();
  await expect(page.getByText('No job matches')).toBeVisible();
  await expect(page.getByRole('searchbox')).toHaveValue('nowhere to be found');

  await page.goBack();
  await expect(page.getByRole('searchbox')).toHaveValue('');
  await expect(row(page, bad)).toBeVisible();
  await expect(row(page, good)).toHaveCount(0);
  await page.goBack();
  await expect(row(page, good)).toBeVisible();
  await page.goForward();
  await expect(row(page, good)).toHaveCount(0);
  await page.getByRole('link', { name: 'Clear filters' }).click();
  await expect(row(page, good)).toBeVisible();
  await expect(page).toHaveURL(/\/jobs$/);
});

test('several statuses and a type are chosen from lists, a person and a time are typed', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 0 });
  await server.ended(id);
  await open(page);
  await page.getByRole('combobox', { name: 'Status' }).click();
  await page.getByTitle('completed', { exact: true }).click();
  await page.getByTitle('failed', { exact: true }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('combobox', { name: 'Type' }).click();
  await page.getByTitle('Cleanup', { exact: true }).click();
  await page.keyboard.press('Escape');
  await expect(row(page, id)).toHaveCount(0);
  await page.getByRole('link', { name: 'Clear filters' }).click();
  await expect(row(page, id)).toBeVisible();

  await page.getByLabel('Started by').fill('nobody');
  await expect(page.getByText('No job matches')).toBeVisible();
  await page.getByLabel('Started by').fill('');
  await expect(row(page, id)).toBeVisible();
  await page.getByLabel('Created before').fill('2020-01-01T00:00');
  await expect(page.getByText('No job matches')).toBeVisible();
  await expect(page).toHaveURL(/until=20/);
});

test('new jobs are announced and put in only when asked for', async ({ page, server }) => {
  await submit(server, 3, { items: 0 });
  await open(page);
  await expect(rows(page).first()).toBeVisible();
  const first = await rows(page).first().getAttribute('data-id');
  const before = await rows(page).first().boundingBox();

  const ids = await submit(server, 3, { items: 0 });
  const news = page.getByRole('button', { name: '3 new jobs — show' });
  await expect(news).toBeVisible();
  await expect(rows(page).first()).toHaveAttribute('data-id', first ?? '');
  expect(await rows(page).first().boundingBox()).toEqual(before);

  await news.click();
  await expect(rows(page).first()).toHaveAttribute('data-id', ids.at(-1) ?? '');
  await expect(news).toHaveCount(0);
  await expect(rows(page).first()).toBeFocused();
});

test('only jobs that match are announced', async ({ page, server }) => {
  await server.ended(await server.submit('demo', { items: 3, item_ms: 1, fail_at: 1 }));
  await open(page, '/jobs?status=failed');
  await expect(rows(page).first()).toBeVisible();
  await server.ended((await submit(server, 1, { items: 0 }))[0] ?? '');
  await server.ended((await submit(server, 1, { items: 3, item_ms: 1, fail_at: 1 }))[0] ?? '');
  await expect(page.getByRole('button', { name: '1 new job — show' })).toBeVisible();
});

test('a row follows its job to the end, also where it matches no more', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 10_000, item_ms: 50 });
  await expect.poll(async () => (await server.job(id)).status).toBe('running');
  await open(page, '/jobs?status=running,cancelling');
  await expect(row(page, id)).toContainText('running');
  const done = () => row(page, id).getByRole('progressbar').getAttribute('aria-valuetext');
  const before = await done();
  await expect.poll(done).not.toBe(before);
  await server.api.POST('/api/jobs/cancel', { body: { ids: [id] } });
  await expect(row(page, id)).toContainText('cancelled');
  await expect(row(page, id)).toContainText(`${(await server.ended(id)).processed_items} / 10,000 items`);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await expect(row(page, id)).toHaveCount(0);
});

test('the final states of hundreds of jobs that end at once are all shown', async ({ page, server }) => {
  const ids = await submit(server, 300, { items: 2, item_ms: 1 });
  await open(page);
  await server.ended(ids[0] ?? '');
  await Promise.all(ids.slice(-20).map((id) => server.ended(id)));
  const states = () => rows(page).locator('.c-status').allTextContents();
  await expect.poll(states).not.toContain('running');
  await expect.poll(states).not.toContain('pending');
});

test('selected jobs are cancelled with a reason that their history keeps', async ({ page, server }) => {
  const ids = await submit(server, 4, { items: 0 }, { run_at: LATER });
  const [oldest = '', second = '', third = '', newest = ''] = ids;
  await open(page);
  await row(page, newest).getByRole('checkbox').click();
  await row(page, second)
    .getByRole('checkbox')
    .click({ modifiers: ['Shift'] });
  await expect(page.getByText('3 jobs selected')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('3 jobs will be cancelled.');
  await dialog.getByLabel(/Reason/).fill('not this week');
  await dialog.getByRole('button', { name: 'Cancel 3 jobs' }).click();
  await expect(page.getByText('3 jobs cancelled')).toBeVisible();
  for (const id of [second, third, newest]) {
    await expect(row(page, id)).toContainText('cancelled');
    const { data } = await server.api.GET('/api/jobs/{id}/events', { params: { path: { id } } });
    expect(JSON.stringify(data)).toContain('not this week');
  }
  await expect(row(page, oldest)).toContainText('pending');
});

test('what can not be done is said before it is tried', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 0 });
  await server.ended(id);
  await open(page);
  await row(page, id).getByRole('checkbox').click();
  await page.getByRole('button', { name: 'Cancel…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('None of these jobs can be cancelled.');
  await expect(dialog.getByRole('button', { name: 'Cancel 0 jobs' })).toBeDisabled();
});

test('all that match are retried after a preview, loaded or not', async ({ page, server }) => {
  const ids = await submit(server, 150, { items: 1, item_ms: 0, fail_at: 1 });
  await Promise.all(ids.map((id) => server.ended(id)));
  const since = encodeURIComponent((await server.job(ids[0] ?? '')).created_at);
  await open(page, `/jobs?status=failed&since=${since}`);
  await grid(page)
    .getByRole('checkbox', { name: /Select the .* loaded jobs/ })
    .click();
  await page.getByRole('button', { name: 'Select all that match the filter' }).click();
  await expect(page.getByText('All jobs that match the filter')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Cancel…' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Retry…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('150 jobs will be run again');
  await dialog.getByRole('button', { name: 'Retry 150 jobs' }).click();
  await expect(page.getByText('150 jobs retried')).toBeVisible();
  for (const id of [ids[0], ids.at(-1)]) expect((await server.job(id ?? '')).retried_as).toHaveLength(1);
});

test('where one call does not reach all, the rest is offered', async ({ page, server }) => {
  const ids = await submit(server, 2, { items: 1, item_ms: 0, fail_at: 1 });
  await Promise.all(ids.map((id) => server.ended(id)));
  let calls = 0;
  await page.route('/api/jobs/retry', async (route) => {
    if (route.request().postDataJSON().dry_run) return route.continue();
    calls += 1;
    const because = calls === 1 ? {} : { unknown_job_type: 1 };
    const body = { dry_run: false, matched: 2, retried: 2, skipped: calls - 1, skipped_because: because, jobs: [] };
    return route.fulfill({ json: { ...body, more: calls === 1 } });
  });
  await open(page);
  await row(page, ids[0] ?? '')
    .getByRole('checkbox')
    .click();
  await page.getByRole('button', { name: 'Retry…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Retry 1 job' }).click();
  await expect(page.getByText('There are more.')).toBeVisible();
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('4 jobs retried')).toBeVisible();
  await expect(page.getByText('1 left out: 1 of a type that this server does not know')).toBeVisible();
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(page.getByText('4 jobs retried')).toHaveCount(0);
});

test('the list is gone through by keyboard', async ({ page, server }) => {
  const ids = await submit(server, 30, { items: 0 }, { run_at: LATER });
  await open(page);
  const focused = page.locator('tr:focus');
  await rows(page).first().focus();
  await page.keyboard.press('ArrowDown');
  await expect(focused).toHaveAttribute('data-id', ids.at(-2) ?? '');
  await page.keyboard.press('Space');
  await page.keyboard.press('PageDown');
  await page.keyboard.press('Shift+Space');
  await expect(page.getByText('11 jobs selected')).toBeVisible();
  await page.keyboard.press('End');
  await expect(focused).toBeInViewport();
  await page.keyboard.press('Home');
  await expect(focused).toHaveAttribute('data-id', ids.at(-1) ?? '');

  // Where a key moves nothing, it takes nothing from a person who goes on elsewhere.
  await page.keyboard.press('ArrowUp');
  await page.getByRole('searchbox').focus();
  await submit(server, 1, { items: 0 }, { run_at: LATER });
  await expect(page.getByRole('button', { name: '1 new job — show' })).toBeVisible();
  await expect(page.getByRole('searchbox')).toBeFocused();

  await rows(page).first().focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/jobs/${ids.at(-1)}$`));
});

test('a list that can not be read says so, and is read when asked again', async ({ page, server }) => {
  await server.submit('demo', { items: 0 });
  await page.route(/\/api\/jobs\?/, (route) => route.fulfill({ status: 502, body: 'bad gateway' }));
  await page.goto('/jobs');
  await expect(page.getByText('The server answered 502')).toBeVisible();
  await page.unroute(/\/api\/jobs\?/);
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(rows(page).first()).toBeVisible();
});

/** One job of each kind, and no others. */
async function openOneOfEach(page: Page, server: Server) {
  const [first = ''] = await submit(server, 1, { items: 4, item_ms: 1, error_every: 2 });
  await submit(server, 1, { items: 4, item_ms: 1, fail_at: 2 });
  await submit(server, 1, { items: 4, item_ms: 1 });
  await submit(server, 1, { items: 0 }, { run_at: LATER });
  await server.submit('cleanup');
  await open(page, `/jobs?type=demo,cleanup&since=${encodeURIComponent((await server.job(first)).created_at)}`);
  await expect(rows(page)).toHaveCount(5);
}

test('nothing bars anyone from the list and what is done with it', async ({ page, server }) => {
  await openOneOfEach(page, server);
  await rows(page).nth(1).getByRole('checkbox').click();
  await rows(page)
    .nth(3)
    .getByRole('checkbox')
    .click({ modifiers: ['Shift'] });
  await expect(page.getByText('3 jobs selected')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Retry…' }).click();
  await expect(page.getByRole('dialog')).toContainText('will be run again');
  await expectAccessible(page);
});

test('the list fits a desk and a phone, where its filters unfold', async ({ page, server }) => {
  await openOneOfEach(page, server);
  await rows(page).first().getByRole('checkbox').click();
  await expectFits(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expect(page.getByRole('combobox', { name: 'Status' })).toBeHidden();
  await page.getByRole('button', { name: 'Filters (2)' }).click();
  await expect(page.getByRole('combobox', { name: 'Status' })).toBeVisible();
  await expectAccessible(page);
});
