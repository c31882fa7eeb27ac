// Schedules: what runs by the clock, seen and written.

import type { Page } from '@playwright/test';
import type { Schedules } from '../src/api/schema';
import { expectAccessible, expectFits } from './axe';
import { expect, type Server, test } from './support';

test.use({ timezoneId: 'America/New_York' });

/** A cron line that is not due while the tests run. */
const FAR = '0 0 29 2 *';

test.afterEach(async ({ server }) => {
  await server.api.POST('/api/jobs/cancel', { body: { all: true } });
  const { data } = await server.api.GET('/api/schedules');
  for (const { id } of data?.schedules ?? []) {
    await server.api.DELETE('/api/schedules/{id}', { params: { path: { id } }, body: {} });
  }
});

async function create(server: Server, name: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = { name, type: 'demo', params: { items: 0 }, cron: FAR, ...more };
  const { data, error } = await server.api.POST('/api/schedules', { body });
  if (!data) throw new Error(`the schedule was refused: ${JSON.stringify(error)}`);
  return data.id;
}

async function stored(server: Server, name: string) {
  const { data } = await server.api.GET('/api/schedules');
  return data?.schedules.find((schedule) => schedule.name === name);
}

const row = (page: Page, name: string) =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) });

async function choose(page: Page, label: string, typed: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).click();
  await page.getByRole('combobox', { name: label }).fill(typed);
  await page.getByTitle(option, { exact: true }).click();
}

test('the first schedule is made from the empty page, its cron line told while it is typed', async ({
  page,
  server,
}) => {
  await page.goto('/schedules');
  await expect(page.getByText('There are no schedules yet')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Create a schedule' }).click();
  await choose(page, 'What it runs', 'Demo', 'Demo');
  await expect(page.getByText('Counts to a number')).toBeVisible();

  const meaning = page.getByRole('region', { name: 'What it means' });
  const cron = page.getByLabel('Cron line');
  await cron.fill('61 2 * * 1');
  await expect(page.getByText(/The minute `61` is not understood/)).toBeVisible();
  await cron.fill('30 2 * * 1');
  await expect(meaning.getByText('At 02:30, on Monday')).toBeVisible();
  await expect(page.getByText(/is not understood/)).toBeHidden();
  await choose(page, 'Time zone', 'berlin', 'Europe/Berlin');
  await expect(meaning.getByRole('listitem')).toHaveCount(5);
  await expect(meaning.getByRole('listitem').first()).toContainText('02:30 in Europe/Berlin');
  await expect(meaning.getByRole('listitem').first()).toContainText('20:30');

  await page.getByLabel('Items').fill('4');
  await page.getByRole('radio', { name: /^Queue it/ }).check();
  await page.getByRole('radio', { name: /^Make up for the last/ }).check();
  await expectAccessible(page);
  await expectFits(page);
  await page.getByRole('button', { name: 'Create the schedule' }).click();
  await expect(page.getByText('Must be filled in')).toBeVisible();
  await expect(page.getByLabel('Name')).toBeFocused();
  await page.getByLabel('Name').fill('Every Monday');
  await page.keyboard.press('Enter');

  await expect(page.getByRole('heading', { level: 1, name: 'Every Monday' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Next runs' }).getByRole('listitem')).toHaveCount(5);
  await expect(page.getByRole('region', { name: 'Parameters' })).toContainText('items4');
  await expect(page.getByText('Created by anonymous')).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);
  expect(await stored(server, 'Every Monday')).toMatchObject({
    type: 'demo',
    cron: '30 2 * * 1',
    time_zone: 'Europe/Berlin',
    overlap: 'queue',
    catch_up: 'one',
    enabled: true,
    params: { items: 4 },
  });
});

test('what the server refuses is told at its field, and what it takes is changed', async ({ page, server }) => {
  await create(server, 'Taken');
  const id = await create(server, 'Mine', { params: { items: 7 } });
  await page.goto('/schedules');
  await page.getByRole('button', { name: 'Edit Mine' }).click();
  await expect(page.getByLabel('Items')).toHaveValue('7');
  await page.getByLabel('Name').fill('Taken');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Is taken by another schedule')).toBeVisible();
  await page.getByLabel('Name').fill('Mine still');
  await page.getByLabel('Cron line').fill('0 0 31 2 *');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText(/^Is never due/)).toBeVisible();
  await page.getByLabel('Cron line').fill('@daily');
  await page.getByText('More: priority, reason').click();
  await page.getByLabel('Priority').fill('5000');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByLabel('Priority')).toBeFocused();
  await page.getByLabel('Priority').fill('-5');
  await page.getByLabel('Reason').fill('less urgent');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page).toHaveURL(`/schedules/${id}`);
  await expect(page.getByText('Changed by anonymous: name, cron, priority')).toBeVisible();
  expect(await stored(server, 'Mine still')).toMatchObject({ cron: '@daily', priority: -5, params: { items: 7 } });
});

test('a schedule that somebody else has changed is not overwritten', async ({ page, server }) => {
  const id = await create(server, 'Shared', { params: { items: 7 } });
  await page.goto(`/schedules/${id}/edit`);
  await page.getByLabel('Items').fill('8');
  const path = { id };
  await server.api.PATCH('/api/schedules/{id}', { params: { path }, body: { params: { items: 70 } } });
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Somebody else changed this schedule')).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);
  expect(await stored(server, 'Shared')).toMatchObject({ params: { items: 70 } });
  await page.reload();
  await expect(page.getByLabel('Items')).toHaveValue('70');
  await page.getByLabel('Items').fill('9');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page).toHaveURL(`/schedules/${id}`);
  expect(await stored(server, 'Shared')).toMatchObject({ params: { items: 9 } });
});

test('a schedule is run at once, switched off and on, and deleted', async ({ page, server }) => {
  const id = await create(server, 'By hand');
  await page.goto('/schedules');
  const schedule = row(page, 'By hand');
  await expect(schedule).toContainText('At 00:00, on day 29, in February');
  await expect(schedule).toContainText('no runs yet');
  await schedule.getByRole('button', { name: 'Run By hand now' }).click();
  const marks = schedule.getByRole('list', { name: 'Last runs of By hand' }).getByRole('link');
  await expect(marks).toHaveAccessibleName(/run by hand by anonymous: completed$/);
  await expect(schedule.getByText('completed', { exact: true })).toBeVisible();
  await expectAccessible(page);
  await expectFits(page);

  await schedule.getByRole('switch', { name: 'By hand is on' }).click();
  await expect(schedule).toContainText('switched off');
  await expect.poll(async () => (await stored(server, 'By hand'))?.enabled).toBe(false);
  await schedule.getByRole('switch', { name: 'By hand is on' }).click();
  await expect(schedule).not.toContainText('switched off');

  await marks.focus();
  await expect(page.getByRole('tooltip')).toContainText('run by hand by anonymous: completed');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  await page.getByRole('link', { name: 'By hand', exact: true }).click();
  await expect(page).toHaveURL(`/schedules/${id}`);
  const history = page.getByRole('region', { name: 'History' });
  await expect(history.getByText('Run by hand by anonymous: completed')).toBeVisible();
  await expect(history.getByText('Switched off by anonymous')).toBeVisible();

  await page.getByRole('button', { name: 'Delete By hand' }).click();
  await page.getByRole('button', { name: 'Delete the schedule' }).click();
  await expect(page.getByText('There are no schedules yet')).toBeVisible();
  await page.goto(`/schedules/${id}`);
  await expect(page.getByText('There is no such schedule')).toBeVisible();
});

test('what stands in the way of a run is told, and leads to the job', async ({ page, server }) => {
  await create(server, 'Slow', { params: { items: 100_000 } });
  await page.goto('/schedules');
  const schedule = row(page, 'Slow');
  await schedule.getByRole('button', { name: 'Run Slow now' }).click();
  await expect(schedule.getByText('running', { exact: true })).toBeVisible();
  await schedule.getByRole('button', { name: 'Run Slow now' }).click();
  await schedule.getByRole('alert').getByRole('link', { name: 'See that job' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Demo' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Slow', exact: true })).toBeVisible();
});

test('runs come by the clock, as marks that are gone through by keyboard', async ({ page, server }) => {
  await create(server, 'Each second', { cron: '* * * * * *', time_zone: 'UTC' });
  await page.goto('/schedules');
  const schedule = row(page, 'Each second');
  await expect(schedule).toContainText('Every second');
  const marks = schedule.getByRole('list', { name: 'Last runs of Each second' }).getByRole('link');
  await expect.poll(() => marks.count(), { timeout: 30_000 }).toBeGreaterThan(3);
  await schedule.getByRole('switch').click();
  await expect(schedule).toContainText('switched off');
  await expect(marks.last()).toHaveAccessibleName(/: completed$/);
  await schedule.getByRole('button', { name: 'Delete' }).focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect(marks.last()).toBeFocused();
  await page.keyboard.press('ArrowLeft');
  await expect(marks.nth(-2)).toBeFocused();
  await page.keyboard.press('Home');
  await expect(marks.first()).toBeFocused();
});

test('what is wrong with a schedule is said where it is seen', async ({ page, server }) => {
  const id = await create(server, 'Broken');
  const message = 'schedule `Broken` is not fired: no server knows the type `demo`';
  await page.route('**/api/schedules', async (route) => {
    const all = (await (await route.fetch()).json()) as Schedules;
    const problem = { code: 'schedule_type_unknown', message, schedule: 'Broken' };
    await route.fulfill({ json: { schedules: all.schedules.map((schedule) => ({ ...schedule, problem })) } });
  });
  await page.goto('/schedules');
  await expect(row(page, 'Broken').getByRole('alert')).toContainText('no server knows the type');
  await page.route('**/api/job-types', (route) => route.fulfill({ json: { job_types: [] } }));
  await page.goto(`/schedules/${id}/edit`);
  await expect(page.getByText('There is no job type “demo” on this server; choose another')).toBeVisible();
  await page.unroute('**/api/schedules');
  await page.route('**/api/schedules', (route) => route.fulfill({ status: 503, body: 'away' }));
  await page.goto('/schedules');
  await expect(page.getByText('The server answered 503 Service Unavailable')).toBeVisible();
  await page.unroute('**/api/schedules');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(row(page, 'Broken')).toBeVisible();
});

test('the form of a job becomes a schedule, with what is written in it', async ({ page }) => {
  await page.goto('/run/demo');
  await page.getByLabel('Items').fill('12');
  await page.getByRole('link', { name: 'Run it by the clock' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'New schedule' })).toBeVisible();
  await expect(page.getByLabel('Items')).toHaveValue('12');
  await page.getByRole('button', { name: 'Every night' }).click();
  await expect(page.getByRole('region', { name: 'What it means' })).toContainText('At 02:30');
  await page.getByLabel('Name').fill('From the form');
  await page.getByRole('button', { name: 'Create the schedule' }).click();
  await expect(page.getByRole('region', { name: 'Parameters' })).toContainText('items12');
});
