import { expect, Server, test } from './support';

/** A program with a job type that this UI has never heard of, from a crate of its own. */
const OWN_JOBS = process.env.OWN_JOBS ?? '../target/new-types/debug/own_jobs';

test('a type that came as one file is run from its form, in its own words', async ({ page }) => {
  const server = await Server.start({ program: OWN_JOBS });
  try {
    await page.goto(`${server.url}/run`);
    await page.getByRole('link', { name: 'Greet' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Run Greet' })).toBeVisible();
    const names = page.getByRole('textbox', { name: 'Names' });
    await names.fill('Ada, Grace,');
    await names.fill('Edsger');
    await names.press('Enter');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
    await expect(page.getByText('3 / 3 people')).toBeVisible();
    await expect(page.getByText('completed', { exact: true }).first()).toBeVisible();
    const job = await server.ended(page.url().split('/').at(-1) ?? '');
    expect([job.type, job.params.names]).toEqual(['greet', ['Ada', 'Grace', 'Edsger']]);
  } finally {
    await server.stop();
  }
});
