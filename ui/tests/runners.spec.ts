import { expectAccessible, expectFits } from './axe';
import { expect, Server, test } from './support';

test('a paused type says by whom and why, and its jobs wait until it is resumed', async ({ page, server }) => {
  await page.goto('/runners');
  const runner = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Demo' }) });
  await runner.getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('backup is running');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await expect(runner.getByText(/paused.*by anonymous.*backup is running/)).toBeVisible();

  const id = await server.submit('demo', { items: 2_000, item_ms: 10 });
  expect((await server.job(id)).status).toBe('pending');
  await expectAccessible(page);
  await expectFits(page);

  await runner.getByRole('button', { name: 'Resume' }).click();
  await expect(runner.getByText('paused')).toBeHidden();
  const jobs = page.getByRole('list', { name: 'What Demo runs' });
  await expect(jobs.getByRole('progressbar')).toHaveAttribute('aria-valuetext', /\/ 2,000 items/);
  await expect(runner.getByText('1 of 4')).toBeVisible();
  await server.api.POST('/api/jobs/{id}/cancel', { params: { path: { id } }, body: {} });
  await expect(jobs).toBeHidden();
  await expect(runner.getByText('0 of 4')).toBeVisible();
});

test('a job that panicked is told of at its runner, which goes on', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 3, item_ms: 0, panic_at: 2 });
  expect((await server.ended(id)).status).toBe('failed');
  await page.goto('/runners');
  const runner = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Demo' }) });
  await expect(runner.getByText(/Last panic of a job/)).toBeVisible();
  await expect(runner.getByText('0 of 4')).toBeVisible();
});

test('the nodes are listed, also one that was killed', async ({ page }) => {
  const server = await Server.start();
  try {
    await page.goto(`${server.url}/runners`);
    const nodes = page.getByRole('region', { name: 'Nodes' }).getByRole('listitem');
    await expect(nodes.getByText('this node')).toHaveCount(1);
    await expect(nodes.getByText(/renewed \d+ s ago, lease \d+ s/)).toBeVisible();
    await expect(page.getByText('No other node lives')).toBeVisible();
    const id = await server.submit('demo', { items: 100_000 });
    await expect(nodes.getByRole('link', { name: `…${id.slice(-8)}` })).toBeVisible();
    await server.kill();
    await server.run();
    await expect(nodes.getByText(/gone|lease ran out/)).toHaveCount(1);
    await expect(nodes.getByText('this node')).toHaveCount(1);
  } finally {
    await server.stop();
  }
});
