// Plans: made by a job, looked through, decided on one by one and together, applied to Stash.

import type { Page } from '@playwright/test';
import type { Plan } from '../src/api/schema';
import { expectAccessible, expectFits } from './axe';
import { FakeStash } from './fake-stash';
import { expect, type Server, test } from './support';

/** Of the scenes that lack what their paths say: five changes each. */
const FIRST = 'Ada Sailor - Harbour 2 (2024-06-02).mp4';
const SECOND = 'Ada Sailor - Harbour 3 (2024-06-03).mp4';
const ALL = 8 * 5;

let stash: FakeStash;
test.beforeAll(async ({ server }) => {
  stash = await FakeStash.start();
  await server.api.PATCH('/api/settings', { body: { values: { 'stash.url': stash.url } } });
  expect(await server.ended(await server.submit('sync'))).toMatchObject({ outcome: 'completed' });
});
test.afterAll(() => stash.stop());

async function newest(server: Server): Promise<Plan> {
  const { data } = await server.api.GET('/api/plans');
  const plan = data?.plans[0];
  if (!plan) throw new Error('there is no plan');
  return plan;
}

/** A plan that nobody has decided on. */
async function proposed(server: Server): Promise<Plan> {
  const id = await server.submit('non_ai_analysis', { again: true });
  expect(await server.ended(id)).toMatchObject({ outcome: 'completed' });
  const plan = await newest(server);
  expect(plan).toMatchObject({ job_id: id, changes: { pending: ALL } });
  return plan;
}

const scene = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const status = (page: Page, name: RegExp) =>
  page.getByRole('navigation', { name: 'Status' }).getByRole('link', { name });
const box = (page: Page, words: string) => scene(page, FIRST).getByRole('checkbox', { name: `Select: ${words}` });

test('without plans the page leads to a job that makes one, and then lists it', async ({ page, server }) => {
  await page.goto('/plans');
  await expect(page.getByText('There are no plans yet')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Run Analysis by Names' }).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  await server.ended(page.url().split('/').at(-1) ?? '');
  const plan = await newest(server);

  await page.getByRole('link', { name: 'Plans', exact: true }).click();
  const row = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: plan.name, exact: true }) });
  await expect(row).toContainText(`${ALL} pending`);
  await expect(row).toContainText('paths and names');
  await expectAccessible(page);
  await expectFits(page);
  await row.getByRole('link', { name: plan.name }).click();
  await expect(page.getByRole('heading', { level: 1, name: plan.name })).toBeVisible();
});

test('changes are decided on one by one, by keyboard, by scene and as selected', async ({ page, server }) => {
  const plan = await proposed(server);
  await page.goto(`/plans/${plan.id}`);
  const first = scene(page, FIRST);
  await expect(first.getByRole('listitem')).toHaveCount(5);
  const studio = first.getByRole('listitem').filter({ hasText: 'Northern Light Pictures' });
  await expect(studio).toContainText('empty');
  await expect(studio).toContainText('95% sure');
  await expect(studio).toContainText('stands in the path');
  await expectAccessible(page);
  await expectFits(page);

  const approve = studio.getByRole('button', { name: /^Approve: set the studio/ });
  await approve.click();
  await expect(approve).toHaveAttribute('aria-pressed', 'true');
  await expect(status(page, /^approved 1$/)).toBeVisible();

  await page.keyboard.press('j');
  await expect(box(page, 'add the performer “Ada Sailor”')).toBeFocused();
  await page.keyboard.press('r');
  await expect(status(page, /^rejected 1$/)).toBeVisible();
  await expect(box(page, 'set the date to “2024-06-02”')).toBeFocused();
  await page.keyboard.press('a');
  await expect(status(page, /^approved 2$/)).toBeVisible();
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('k');
  const bar = page.getByRole('region', { name: 'Selected changes' });
  await expect(bar).toContainText('2 changes selected');
  await expectAccessible(page);
  await bar.getByRole('button', { name: 'Reject' }).click();
  await expect(status(page, /^rejected 3$/)).toBeVisible();
  await expect(bar.getByRole('button')).toHaveCount(0);

  await scene(page, SECOND)
    .getByRole('button', { name: `Approve all of ${SECOND}` })
    .click();
  await expect(status(page, /^approved 7$/)).toBeVisible();
  expect((await newest(server)).changes).toMatchObject({ pending: ALL - 10, approved: 7, rejected: 3 });
  await page.reload();
  await expect(first.getByRole('button', { name: /^Reject: add the performer/ })).toHaveAttribute(
    'aria-pressed',
    'true',
  );
});

test('all that are sure enough are decided on together, with how many that are', async ({ page, server }) => {
  const plan = await proposed(server);
  await page.goto(`/plans/${plan.id}`);
  const many = page.getByRole('region', { name: 'Decide on many' });
  await expect(many).toContainText(`24 of ${ALL} pending changes`);
  await many.getByRole('slider', { name: 'At least so sure' }).fill('90');
  await expect(many).toContainText(`16 of ${ALL} pending changes`);
  await many.getByRole('button', { name: 'Approve 16' }).click();
  await expect(status(page, /^approved 16$/)).toBeVisible();
  await expect(many).toContainText(`0 of ${ALL - 16} pending changes`);

  await page.getByRole('navigation', { name: 'Field' }).getByRole('link', { name: 'Tags' }).click();
  await expect(scene(page, FIRST).getByRole('listitem')).toHaveCount(1);
  await many.getByRole('button', { name: 'All' }).click();
  await expect(many).toContainText('8 of 8 pending changes of tags');
  await many.getByRole('button', { name: 'Reject 8' }).click();
  await expect(status(page, /^rejected 8$/)).toBeVisible();
  expect((await newest(server)).changes).toMatchObject({ pending: 16, approved: 16, rejected: 8 });

  await page.getByRole('navigation', { name: 'Field' }).getByRole('link', { name: 'Any field' }).click();
  await status(page, /^approved 16$/).click();
  await expect(scene(page, FIRST).getByRole('listitem')).toHaveCount(2);
  await page.reload();
  await expect(scene(page, FIRST).getByRole('listitem')).toHaveCount(2);
  await status(page, /^failed 0$/).click();
  await expect(page.getByText('No change matches')).toBeVisible();
});

test('a plan is applied, what somebody changed meanwhile is left and told, and the plan is deleted', async ({
  page,
  server,
}) => {
  const plan = await proposed(server);
  await stash.edit('2');
  await page.goto(`/plans/${plan.id}`);
  await page.getByRole('button', { name: 'Apply…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Apply this plan to Stash?' });
  await expect(dialog).toContainText('No change is approved');
  await expect(dialog.getByRole('button', { name: 'Apply', exact: true })).toBeDisabled();
  await dialog.getByRole('checkbox', { name: `Also ${ALL} changes that nobody has decided on` }).check();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: `Apply ${ALL} changes` }).click();

  const head = page.getByRole('region', { name: 'Plan', exact: true });
  await expect(head.getByRole('link', { name: 'Apply Plan' })).toBeVisible();
  await expect(head.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '100', { timeout: 30_000 });
  await expect(head.getByText('completed', { exact: true })).toBeVisible();
  await expect(status(page, new RegExp(`^applied ${ALL - 1}$`))).toBeVisible();
  await expect(head.getByRole('alert')).toContainText('1 change in conflict');
  await head.getByRole('link', { name: '1 change conflict' }).click();
  const change = scene(page, FIRST).getByRole('listitem');
  await expect(change).toHaveCount(1);
  await expect(change).toContainText('Title');
  await expect(change.getByRole('button')).toHaveCount(0);
  await expectAccessible(page);
  await expectFits(page);

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete the plan' }).click();
  await expect(page).toHaveURL('/plans');
  await page.goto(`/plans/${plan.id}`);
  await expect(page.getByText('There is no such plan')).toBeVisible();
});
