// The log of a job, as long as they get.

import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { expect, test } from './support';

const LINES = 100_000;

const log = (page: Page) => page.getByRole('log', { name: 'Log of this job' });

/** Scrolled by a person's wheel, so far. */
async function wheel(page: Page, y: number): Promise<void> {
  await log(page).hover();
  await page.mouse.wheel(0, y);
}

test('a hundred thousand lines are read, searched and filtered', async ({ page, server }) => {
  test.slow();
  // Slow enough for the server to keep every line.
  const id = await server.submit('demo', { items: 100, item_ms: 150, log_lines: LINES / 100, error_every: 50 });
  await server.ended(id);
  await page.goto(`/jobs/${id}?tab=log`);
  await expect(log(page).getByText('item 100, line 1000 of 1000')).toBeVisible();
  expect(await log(page).locator('.log-row').count()).toBeLessThan(150);

  // Far from what is read at first.
  await page.getByLabel('Search the log').fill('ITEM 37, line 512 ');
  await expect(page.getByText('1 of 1', { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(log(page).locator('mark')).toHaveText('item 37, line 512 ');
  await expect(log(page).locator('mark')).toBeInViewport();
  expect(await log(page).locator('.log-row').count()).toBeLessThan(150);

  await page.getByLabel('Search the log').fill('line 512 of');
  await expect(page.getByText('37 of 100', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Previous match' }).click();
  await expect(page.getByText('36 of 100', { exact: true })).toBeVisible();
  await expect(log(page).locator('.current')).toContainText('item 36, line 512 of 1000');
  await expect(log(page).locator('.current')).toBeInViewport();
  await page.getByLabel('Only matches').check();
  await expect(log(page).locator('.log-row', { hasText: 'line 511' })).toHaveCount(0);
  await page.getByLabel('Only matches').uncheck();
  await page.getByLabel('Search the log').fill('');

  await page.getByLabel('Levels').click();
  await page.getByText('Warnings and errors').click();
  await expect(log(page).locator('.log-row')).toHaveText([
    /item 50: item 50 was told to fail/,
    /item 100: item 100 was/,
  ]);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download' }).click(),
  ]);
  const text = await readFile(await download.path(), 'utf8');
  expect(text.trimEnd().split('\n').length).toBe(LINES + 2);
});

test('older lines come by scrolling up, and what is read stays where it is', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 4, item_ms: 0, log_lines: 1_000 });
  await server.ended(id);
  await page.goto(`/jobs/${id}?tab=log`);
  await expect(log(page).getByText('item 4, line 1000 of 1000')).toBeVisible();
  await expect(async () => {
    await wheel(page, -50_000);
    await expect(log(page).getByText('item 1, line 1 of 1000', { exact: true })).toBeInViewport({ timeout: 1_000 });
  }).toPass();
  await page.getByRole('button', { name: /Jump to the newest/ }).click();
  await expect(log(page).getByText('item 4, line 1000 of 1000')).toBeInViewport();
});

test('the end is followed, except while something else is read', async ({ page, server }) => {
  const id = await server.submit('demo', { items: 2_000, item_ms: 100, log_lines: 5 });
  await page.goto(`/jobs/${id}?tab=log`);
  const newest = log(page).locator('.log-row').last();
  const number = async () => Number(/item (\d+)/.exec((await newest.textContent()) ?? '')?.[1] ?? 0);
  await expect.poll(number).toBeGreaterThan(12);
  const before = await number();
  await expect.poll(number).toBeGreaterThan(before + 5);
  await expect(newest).toBeInViewport();

  await wheel(page, -200);
  const jump = page.getByRole('button', { name: /Jump to the newest \(\d+ new lines\)/ });
  await expect(jump).toBeVisible();
  const read = await log(page).evaluate((element) => element.scrollTop);
  const unseen = async () => Number(/\((\d+)/.exec((await jump.textContent()) ?? '')?.[1]);
  await expect.poll(unseen).toBeGreaterThan(20);
  expect(await log(page).evaluate((element) => element.scrollTop)).toBe(read);

  await jump.click();
  await expect(jump).toBeHidden();
  const after = await number();
  await expect.poll(number).toBeGreaterThan(after + 3);
  await expect(newest).toBeInViewport();
  await server.api.POST('/api/jobs/{id}/cancel', { params: { path: { id } }, body: {} });
});

test('no line is lost or doubled while it is followed, also over a restart of the server', async ({ page, server }) => {
  test.slow();
  const id = await server.submit('demo', { items: 150, item_ms: 100, log_lines: 3 });
  await page.goto(`/jobs/${id}?tab=log`);
  await expect(
    log(page)
      .getByText(/item \d+, line 1 of 3/)
      .first(),
  ).toBeVisible();
  await server.kill();
  await server.run();
  await server.ended(id);
  await expect(page.getByText('live', { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(log(page).getByText('item 150, line 3 of 3')).toBeVisible();
  await expect(async () => {
    await wheel(page, -50_000);
    await expect(log(page).locator('.log-row').first()).toContainText('item 1, line 1 of 3', { timeout: 500 });
  }).toPass();
  // All that is in the page while it is scrolled through, once each.
  const seen = new Set<string>();
  await expect(async () => {
    for (const line of await log(page).locator('.log-row').allTextContents()) seen.add(line);
    await wheel(page, 300);
    expect(seen.has([...seen].find((line) => line.endsWith('item 150, line 3 of 3')) ?? 'x')).toBe(true);
  }).toPass({ intervals: [50] });
  const second = [...seen].slice([...seen].indexOf('Attempt 2') + 1);
  const told = second.map((line) => /item \d+, line \d/.exec(line)?.[0]);
  const all = Array.from({ length: 450 }, (_, n) => `item ${Math.floor(n / 3) + 1}, line ${(n % 3) + 1}`);
  expect(told).toEqual(all);
});
