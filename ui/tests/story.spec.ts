// What a person does in the first five minutes, from the form to the second run.

import { expect, test } from './support';

test('a job is run from its form, watched, cancelled, retried and run again with changes', async ({ page, server }) => {
  await page.goto('/run/demo');
  await page.getByRole('spinbutton', { name: 'Items' }).fill('500');
  await page.getByRole('spinbutton', { name: 'Item ms' }).fill('50');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  const idOf = () => page.url().split('/').at(-1)?.split('?')[0] ?? '';
  const first = idOf();

  const bar = page.getByRole('progressbar').first();
  const percent = async () => Number(await bar.getAttribute('aria-valuenow'));
  await expect.poll(percent).toBeGreaterThan(1);
  const seen = await percent();
  await expect.poll(percent).toBeGreaterThan(seen);

  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('seen enough');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  await expect(page.getByText('cancelled', { exact: true }).first()).toBeVisible();

  await page.getByRole('button', { name: 'Retry', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Retry', exact: true }).click();
  await expect(page).not.toHaveURL(new RegExp(first));
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  const second = idOf();
  const retried = await server.job(second);
  expect([retried.retry_of, retried.params.items, retried.params.item_ms]).toEqual([first, 500, 50]);
  await server.api.POST('/api/jobs/{id}/cancel', { params: { path: { id: second } }, body: {} });
  await server.ended(second);

  await page.getByRole('link', { name: 'Run again with changes' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Run again with changes' })).toBeVisible();
  await expect(page.getByRole('spinbutton', { name: 'Items' })).toHaveValue('500');
  await page.getByRole('spinbutton', { name: 'Items' }).fill('3');
  await page.getByRole('button', { name: 'Run again', exact: true }).click();
  await expect(page.getByText('3 / 3 items')).toBeVisible();
  const third = await server.ended(idOf());
  expect([third.status, third.retry_of, third.params.items]).toEqual(['completed', second, 3]);
});
