import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, Server, test } from './support';

test('what is on the screen is true again after the server was killed and started', async ({ page }) => {
  const server = await Server.start();
  try {
    const ending = await server.submit('demo', { items: 30, item_ms: 100 });
    await page.goto(server.url);
    const running = page.getByRole('region', { name: 'Running now' });
    await expect(running.locator(`a[href="/jobs/${ending}"]`)).toBeVisible();
    await server.kill();
    await expect(page.getByRole('status').getByText('reconnecting')).toBeVisible();
    await server.run();
    await expect(page.getByRole('status').getByText('live', { exact: true })).toBeVisible();
    // The job was rescued, and its end is not missed.
    await server.ended(ending);
    await expect(running.locator(`a[href="/jobs/${ending}"]`)).toBeHidden();
  } finally {
    await server.stop();
  }
});

test('a page that is opened while the server is away comes when it is back', async ({ page }) => {
  const server = await Server.start();
  try {
    await page.goto(server.url);
    await expect(page.getByRole('status').getByText('live', { exact: true })).toBeVisible();
    await server.kill();
    await expect(page.getByRole('status').getByText('reconnecting')).toBeVisible();
    await page.getByRole('link', { name: 'Runners' }).click();
    await server.run();
    await expect(page.getByRole('heading', { level: 1, name: 'Runners' })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'Demo' })).toBeVisible();
    await expect(page.getByRole('status').getByText('live', { exact: true })).toBeVisible();
  } finally {
    await server.stop();
  }
});

test('behind a proxy that drops upgrades the page asks instead, and says so', async ({ page, server }) => {
  const target = new URL(server.url);
  const proxy = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const onward = request({ host: target.hostname, port: target.port, path: url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  proxy.on('upgrade', (_, socket) => socket.destroy());
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready));
  try {
    await page.goto(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`);
    await expect(page.getByText('polling', { exact: true })).toBeVisible();
    const id = await server.submit('demo', { items: 40, item_ms: 100 });
    const link = page.getByRole('region', { name: 'Running now' }).locator(`a[href="/jobs/${id}"]`);
    await expect(link).toBeVisible();
    await server.ended(id);
    await expect(link).toBeHidden();
  } finally {
    proxy.close();
    proxy.closeAllConnections();
  }
});

test('two tabs agree on what runs, and on its end', async ({ page, context, server }) => {
  const other = await context.newPage();
  await Promise.all([page.goto('/'), other.goto(server.url)]);
  const id = await server.submit('demo', { items: 1_000, item_ms: 50 });
  const rows = [page, other].map((tab) => tab.locator(`li:has(a[href="/jobs/${id}"])`));
  for (const row of rows) await expect(row.getByRole('progressbar')).toBeVisible();
  await rows[0]?.getByRole('button', { name: 'Cancel this job' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  for (const row of rows) await expect(row).toBeHidden();
});
