import { expect, test } from './support';

test('every page of the navigation opens by its link and by its address', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  const nav = page.getByRole('navigation', { name: 'Pages' });
  for (const name of ['Jobs', 'Run a job', 'Library', 'Plans', 'Schedules', 'Runners', 'Settings', 'Overview']) {
    await nav.getByRole('link', { name }).click();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await page.reload();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  }
});
