import { expectAccessible, expectFits } from './axe';
import { expect, Server, test } from './support';

test('a server without any job says what to do first', async ({ page }) => {
  const fresh = await Server.start();
  try {
    await page.goto(fresh.url);
    await expect(page.getByRole('heading', { name: 'No job has run here yet' })).toBeVisible();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Choose a job' }).click();
    await expect(page).toHaveURL(/\/run$/);
    await page.goto(fresh.url);
    await expect(page.getByRole('heading', { name: 'No job has run here yet' })).toBeVisible();
    await fresh.submit('demo', { items: 0 });
    await expect(page.getByRole('heading', { name: 'Running now' })).toBeVisible();
  } finally {
    await fresh.stop();
  }
});

test('a running job is shown with its bar until it has ended', async ({ page, server }) => {
  await page.goto('/');
  const id = await server.submit('demo', { items: 20, item_ms: 100 });
  const row = page.getByRole('listitem').filter({ has: page.locator(`a[href="/jobs/${id}"]`) });
  const bar = row.getByRole('progressbar');
  await expect(bar).toBeVisible();
  await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow'))).toBeGreaterThan(0);
  await expect(bar).toHaveAttribute('aria-valuetext', /\d+ \/ 20 items/);
  await expect(row).toBeHidden();
  expect((await server.ended(id)).status).toBe('completed');
});

test('a job is cancelled where it is seen, with a reason', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 1_000, item_ms: 100 });
  await page.goto('/');
  const row = page.getByRole('listitem').filter({ has: page.locator(`a[href="/jobs/${id}"]`) });
  await row.getByRole('button', { name: 'Cancel this job' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('it was only a try');
  await dialog.getByRole('button', { name: 'Cancel the job' }).click();
  await expect(dialog).toBeHidden();
  await expect(row).toBeHidden();
  const job = await server.ended(id);
  expect([job.status, job.cancel?.reason]).toEqual(['cancelled', 'it was only a try']);
});

test('what waits and what failed is shown, and leads to the job', async ({ page, server }) => {
  const failed = await server.submit('demo', { items: 5, item_ms: 0, fail_at: 2 });
  await server.ended(failed);
  const { data } = await server.api.POST('/api/jobs', {
    body: { type: 'demo', params: {}, run_at: new Date(Date.now() + 3 * 3_600_000).toISOString() },
  });
  await page.goto('/');
  const waiting = page.getByRole('region', { name: 'Waiting' });
  await expect(waiting.locator(`a[href="/jobs/${data?.id}"]`)).toHaveText(/Waits until .* \(in [23] h/);
  const troubles = page.getByRole('region', { name: 'Failed lately' });
  await troubles.locator(`a[href="/jobs/${failed}"]`).click();
  await expect(page).toHaveURL(new RegExp(`/jobs/${failed}$`));
  await page.goBack();
  await expect(waiting).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);
});
