// Settings: seen with where each comes from, tried, changed, taken back. Secrets go in and never come out.

import type { Page } from '@playwright/test';
import { expectAccessible, expectFits } from './axe';
import { expect, Server, test } from './support';

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1';
const SECRET = 'open-sesame';

// Tests of other files have used the server before.
test.beforeEach(async ({ server }) => {
  await server.api.PATCH('/api/settings', { body: { values: { 'stash.url': null, 'stash.api_key': null } } });
});

async function stored(server: Server, name: string) {
  const { data } = await server.api.GET('/api/settings');
  return data?.settings.find((setting) => setting.name === name);
}

const stash = (page: Page) => page.getByRole('region', { name: 'Stash', exact: true });
const address = (page: Page) => stash(page).getByRole('textbox', { name: 'Address' });
const save = (page: Page) => page.getByRole('button', { name: 'Save' });

test('what is typed is tried before it is saved, then saved, then taken back', async ({ page, server }) => {
  await page.goto('/settings');
  await expect(address(page)).toHaveValue('');
  await expect(stash(page).getByText('not set', { exact: true }).first()).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);

  await address(page).fill('127.0.0.1:1');
  await expect(page.getByText('1 unsaved change')).toBeVisible();
  await save(page).click();
  await expect(stash(page).getByText('Must be an address like')).toBeVisible();
  await expect(address(page)).toBeFocused();
  await expectAccessible(page);

  await address(page).fill(NOWHERE);
  await expect(stash(page).getByText('Must be an address like')).toBeHidden();
  await stash(page).getByRole('button', { name: 'Test the connection to Stash' }).click();
  await expect(stash(page).getByRole('alert')).toContainText(NOWHERE);
  expect(await stored(server, 'stash.url')).toMatchObject({ source: 'unset', value: null });
  await address(page).fill('http://127.0.0.1:2');
  await expect(stash(page).getByText('Changed since it was tested')).toBeVisible();

  await page.keyboard.press('Enter');
  await expect(stash(page).getByText('set here')).toBeVisible();
  await expect(stash(page).getByText('by anonymous')).toBeVisible();
  await expect(save(page)).toBeHidden();
  expect(await stored(server, 'stash.url')).toMatchObject({ source: 'database', value: 'http://127.0.0.1:2' });
  await page.reload();
  await expect(address(page)).toHaveValue('http://127.0.0.1:2');

  await stash(page).getByRole('button', { name: 'Take back Stash: Address' }).click();
  await expect(stash(page).getByText('taken back when saved')).toBeVisible();
  await stash(page).getByRole('button', { name: 'Undo the change of Stash: Address' }).click();
  await expect(address(page)).toHaveValue('http://127.0.0.1:2');
  await stash(page).getByRole('button', { name: 'Take back Stash: Address' }).click();
  await save(page).click();
  await expect(stash(page).getByText('set here')).toBeHidden();
  expect(await stored(server, 'stash.url')).toMatchObject({ source: 'unset', value: null });
});

test('settings that somebody else has changed are shown before they are overwritten', async ({ page, server }) => {
  await page.goto('/settings');
  await address(page).fill(NOWHERE);
  await server.api.PATCH('/api/settings', { body: { values: { 'stash.url': 'http://127.0.0.1:3' } } });
  await save(page).click();
  const conflict = page.getByText('Somebody else changed the settings meanwhile');
  await expect(conflict).toBeVisible();
  await expect(address(page)).toHaveValue(NOWHERE);
  expect(await stored(server, 'stash.url')).toMatchObject({ value: 'http://127.0.0.1:3' });
  await expectAccessible(page);
  await expectFits(page);

  await save(page).click();
  await expect(save(page)).toBeHidden();
  await expect(conflict).toBeHidden();
  expect(await stored(server, 'stash.url')).toMatchObject({ value: NOWHERE });
});

test('a secret is written, replaced and removed, and never shown', async ({ page, server }) => {
  await page.goto('/settings');
  await stash(page).locator('input[type="password"]').fill(SECRET);
  await save(page).click();
  await expect(stash(page).getByText('Set; it is not shown')).toBeVisible();
  await page.reload();
  await expect(stash(page).getByText('Set; it is not shown')).toBeVisible();
  expect(await page.content()).not.toContain(SECRET);
  expect(JSON.stringify((await server.api.GET('/api/settings')).data)).not.toContain(SECRET);
  await expectAccessible(page);

  await stash(page)
    .getByRole('button', { name: /^Replace Stash: / })
    .click();
  await expect(stash(page).locator('input[type="password"]')).toBeFocused();
  await stash(page)
    .getByRole('button', { name: /^Keep Stash: / })
    .click();
  await expect(save(page)).toBeHidden();
  await stash(page)
    .getByRole('button', { name: /^Remove Stash: / })
    .click();
  await expect(stash(page).getByText('To be removed')).toBeVisible();
  await save(page).click();
  await expect(stash(page).locator('input[type="password"]')).toHaveValue('');
  await expect.poll(async () => (await stored(server, 'stash.api_key'))?.is_set).toBe(false);
});

test('unsaved changes are not lost by going elsewhere unasked', async ({ page }) => {
  await page.goto('/settings');
  await address(page).fill(NOWHERE);
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  const asked = page.getByRole('dialog', { name: 'Leave without saving?' });
  await expect(asked).toContainText('1 change of the settings would be lost');
  await expectAccessible(page);
  await asked.getByRole('button', { name: 'Stay' }).click();
  await expect(address(page)).toHaveValue(NOWHERE);
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  await asked.getByRole('button', { name: 'Leave' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Jobs' })).toBeVisible();
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await expect(address(page)).toHaveValue('');
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Jobs' })).toBeVisible();
});

test('a job that is refused for a setting leads to its field', async ({ page }) => {
  await page.goto('/run/sync');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByRole('alert').getByRole('link', { name: 'Set it' }).click();
  await expect(page).toHaveURL('/settings#stash.url');
  await expect(address(page)).toBeFocused();
});

test.describe('on a server with an environment', () => {
  const KEYS = ['A', 'B'].map((letter) => Buffer.alloc(32, letter).toString('base64'));
  const env = (key: number) => ({ STASHHOG_STASH_URL: NOWHERE, STASHHOG_SECRET_KEY: KEYS[key] ?? '' });
  let other: Server;
  test.beforeAll(async () => {
    other = await Server.start({ env: env(0) });
  });
  test.afterAll(() => other.stop());

  test('what it says is shown as such, overridden, and holds again', async ({ page }) => {
    await page.goto(`${other.url}/settings`);
    await expect(address(page)).toHaveValue(NOWHERE);
    await expect(stash(page).getByText('STASHHOG_STASH_URL')).toBeVisible();
    await address(page).fill('http://127.0.0.1:2');
    await save(page).click();
    await expect(stash(page).getByText('STASHHOG_STASH_URL')).toBeHidden();
    await stash(page).getByRole('button', { name: 'Take back Stash: Address' }).click();
    await save(page).click();
    await expect(address(page)).toHaveValue(NOWHERE);
    await expect(stash(page).getByText('STASHHOG_STASH_URL')).toBeVisible();
  });

  test('a secret of another key is told of, and set anew', async ({ page }) => {
    await other.api.PATCH('/api/settings', { body: { values: { 'stash.api_key': SECRET } } });
    await other.kill();
    await other.run(env(1));
    await page.goto(`${other.url}/settings`);
    await expect(stash(page).getByRole('alert')).toContainText('it was encrypted with another key');
    await expectAccessible(page);
    await expectFits(page);
    await stash(page)
      .getByRole('button', { name: /^Replace Stash: / })
      .click();
    await page.keyboard.type('another');
    await page.keyboard.press('Enter');
    await expect(stash(page).getByText('Set; it is not shown')).toBeVisible();
    await expect(stash(page).getByRole('alert')).toBeHidden();
  });
});
