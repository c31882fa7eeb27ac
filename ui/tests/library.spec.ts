// The library: empty with what to do about it, synced, searched, looked at.

import type { Page } from '@playwright/test';
import { expectAccessible, expectFits } from './axe';
import { FakeStash } from './fake-stash';
import { expect, test } from './support';

let stash: FakeStash;
test.beforeAll(async () => {
  stash = await FakeStash.start();
});
test.afterAll(() => stash.stop());

const kind = (page: Page, name: RegExp) => page.getByRole('navigation', { name: 'Kinds' }).getByRole('link', { name });
const rows = (page: Page, name: string) => page.getByRole('grid', { name }).getByRole('row');
const facts = (page: Page, name: string) => page.getByRole('dialog', { name });

test('an empty library leads to the address of Stash, then to a sync, and shows what that brought', async ({
  page,
  server,
}) => {
  await page.goto('/library');
  await expect(page.getByText('It is not known where Stash is')).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);
  await page.getByRole('link', { name: 'Set its address' }).click();
  const address = page.getByRole('region', { name: 'Stash', exact: true }).getByRole('textbox', { name: 'Address' });
  await expect(address).toBeFocused();
  await address.fill(stash.url);
  await page.getByRole('button', { name: 'Test the connection to Stash' }).click();
  await expect(page.getByRole('status').getByRole('alert')).toContainText('Stash');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('by anonymous')).toBeVisible();

  await page.getByRole('link', { name: 'Library', exact: true }).click();
  await page.getByRole('link', { name: /^Run Sync/ }).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  const id = page.url().split('/').at(-1) ?? '';
  expect(await server.ended(id)).toMatchObject({ status: 'completed', outcome: 'completed' });

  await page.getByRole('link', { name: 'Library', exact: true }).click();
  await expect(kind(page, /^Scenes 9$/)).toBeVisible();
  await expect(kind(page, /^Performers 1$/)).toBeVisible();
  await expect(kind(page, /^Tags 2$/)).toBeVisible();
  await expect(kind(page, /^Studios 1$/)).toBeVisible();
  await expect(rows(page, 'Scenes')).toHaveCount(10);
  await expect(page.getByText(/^Synced/)).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);
});

test('a scene is searched, and its facts lead to what it names and back', async ({ page }) => {
  await page.goto('/library');
  const search = page.getByRole('searchbox', { name: 'Search scenes' });
  await search.fill('nothing like that');
  await expect(page.getByText('No scene has “nothing like that” in it')).toBeVisible();
  await search.fill('harbour at dawn');
  await expect(rows(page, 'Scenes')).toHaveCount(2);
  await expect(page).toHaveURL(/q=harbour/);

  await page.getByRole('link', { name: 'Harbour at Dawn', exact: true }).click();
  const scene = facts(page, 'Harbour at Dawn');
  for (const fact of ['/media/Harbour at Dawn.mp4', 'A fisherman mends', '2024-05-01', '1:01', 'Coasts (3)']) {
    await expect(scene).toContainText(fact);
  }
  await expect(scene.getByRole('link', { name: 'Open in Stash' })).toHaveAttribute('href', `${stash.url}/scenes/1`);
  await expectAccessible(page);
  await expectFits(page);
  await scene.getByRole('link', { name: 'Ada Sailor' }).click();
  const performer = facts(page, 'Ada Sailor');
  await performer.getByRole('link', { name: '1 scene', exact: true }).click();
  await expect(page.getByText('performer: Ada Sailor')).toBeVisible();
  await expect(rows(page, 'Scenes')).toHaveCount(2);
  await page.getByRole('link', { name: /^performer: Ada Sailor/ }).click();
  await expect(rows(page, 'Scenes')).toHaveCount(10);
});

test('a list is gone through by keyboard, and what is open closes on Escape', async ({ page }) => {
  await page.goto('/library?kind=tags');
  await expect(rows(page, 'Tags')).toHaveCount(3);
  await rows(page, 'Tags').nth(1).focus();
  await page.keyboard.press('ArrowDown');
  await expect(rows(page, 'Tags').nth(2)).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(facts(page, 'Rain')).toContainText('no scenes');
  await page.keyboard.press('Escape');
  await expect(facts(page, 'Rain')).toBeHidden();
  await expect(rows(page, 'Tags')).toHaveCount(3);
});

test('what is not in the library is told', async ({ page }) => {
  await page.goto('/library?open=999');
  await expect(page.getByText('It is not in the library')).toBeVisible();
});
