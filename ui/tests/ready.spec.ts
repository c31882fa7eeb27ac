// The page says when its server takes no jobs, and why.

import { expectAccessible, expectFits } from './axe';
import { expect, Server, test } from './support';

test('a database that does not answer is told of on every page, until it answers again', async ({ page }) => {
  const server = await Server.start();
  try {
    await page.goto(server.url);
    await expect(page.getByText('live', { exact: true })).toBeVisible();
    await expect(page.getByText('This server is not ready')).toBeHidden();
    const thaw = await server.freezeDatabase();
    try {
      const banner = page.getByRole('alert').filter({ hasText: 'This server is not ready' });
      await expect(banner).toContainText('The database does not answer', { timeout: 30_000 });
      await expect(banner).toContainText('since');
      await expectAccessible(page);
      await expectFits(page);
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Runners' }).click();
      await expect(banner).toBeVisible();
    } finally {
      thaw();
    }
    await expect(page.getByText('This server is not ready')).toBeHidden({ timeout: 30_000 });
  } finally {
    await server.stop();
  }
});
