// Fields that no built-in type has: a type that was dropped in, as schemars describes it.

import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { RICH } from '../src/form/params/rich.test-schema';
import { expect, test } from './support';

const ID = '0190a5b4-6c1e-7d2f-8a3b-4c5d6e7f8091';

/** Opens the form of a type with every kind of field. Returns what is sent; the server refuses it with `errors`. */
async function openRich(page: Page, errors: { pointer: string; message: string }[]) {
  const sent: { params: Record<string, unknown> }[] = [];
  await page.route('**/api/job-types', async (route) => {
    const response = await route.fetch();
    const { job_types } = await response.json();
    const rich = { ...job_types[0], type: 'rich', label: 'Rich', admission: 'per_node', params_schema: RICH };
    await route.fulfill({ response, json: { job_types: [...job_types, rich] } });
  });
  await page.route('**/api/jobs', async (route) => {
    sent.push(route.request().postDataJSON());
    const problem = { type: 'x', title: 'wrong fields', status: 422, code: 'invalid_fields', detail: 'wrong', errors };
    await route.fulfill({ status: 422, contentType: 'application/problem+json', json: problem });
  });
  await page.goto('/run/rich');
  await expect(page.getByRole('heading', { name: 'Run Rich' })).toBeVisible();
  return sent;
}

async function paste(page: Page, label: string, text: string) {
  await page.getByLabel(label, { exact: true }).focus();
  await page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    document.activeElement?.dispatchEvent(
      new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }),
    );
  }, text);
}

test('every kind of field is filled in and sent as its type asks', async ({ page }) => {
  const sent = await openRich(page, [
    { pointer: '/params/limits/most', message: 'is too much' },
    { pointer: '/params/scene_ids/0', message: 'is not there' },
    { pointer: '/params/nobody', message: 'is wrong' },
  ]);

  await paste(page, 'Scene ids', `${ID}, abc\n${ID}\n  def `);
  await expect(page.getByRole('list', { name: 'Scene ids' }).getByRole('listitem')).toHaveText([ID, 'abc', 'def']);
  await expect(page.getByText('“abc” must be an id like')).toBeVisible();
  await page.getByRole('button', { name: 'Remove abc' }).click();
  await page.getByRole('button', { name: 'Remove def' }).click();
  await expect(page.getByText('must be an id like')).toBeHidden();
  await page.getByLabel('Tags').fill('New York');
  await page.keyboard.press('Enter');
  await paste(page, 'Ratings', '3 5  3');

  await page.getByRole('combobox', { name: 'On conflict' }).click();
  await page.getByText('Put the new file in its place.').click();
  await page.getByRole('combobox', { name: 'Plain', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');

  await page.getByRole('checkbox', { name: 'Maybe limits' }).check();
  await page.getByRole('group', { name: 'Maybe limits' }).getByLabel('Most').fill('5');
  const rules = page.getByRole('group', { name: 'Rules', exact: true });
  await rules.getByRole('button', { name: 'Add one' }).click();
  await rules.getByRole('button', { name: 'Add another' }).click();
  await rules.getByRole('group', { name: 'Rules 2' }).getByLabel('Most').fill('7');
  await rules.getByRole('button', { name: 'Remove entry 1' }).click();

  const labels = page.getByRole('group', { name: 'Labels' });
  for (const [at, name] of ['a', 'a'].entries()) {
    await labels.getByRole('button', { name: 'Add an entry' }).click();
    await page.getByLabel(`Name ${at + 1} of Labels`).fill(name);
    await page.getByLabel(`Value ${at + 1} of Labels`).fill(`value ${at}`);
  }
  await expect(page.getByText('Has the name “a” twice')).toBeVisible();
  await page.getByLabel('Name 2 of Labels').fill('b');

  await page.getByLabel('Pair').fill('[1, ');
  await expect(page.getByText('Is not JSON yet')).toBeVisible();
  await page.getByLabel('Pair').fill('[1, "x"]');
  await page.getByLabel('Target').fill('{"kind": "all"}');
  await page.getByLabel('Until').fill('2026-05-01T10:00:00');
  await page.getByLabel('Day').fill('2026-05-01');
  await page.getByLabel('Folder', { exact: true }).fill('/media');

  // One field is missing: it is told, and where to go on.
  const run = page.getByRole('button', { name: 'Run', exact: true });
  await run.click();
  const name = page.getByRole('textbox', { name: 'Name', exact: true });
  await expect(name).toBeFocused();
  await expect(name).toHaveAccessibleDescription(/Must be filled in/);
  expect(sent).toEqual([]);
  await name.fill('abc');
  await run.click();

  await expect(page.getByText('Is too much')).toBeVisible();
  await expect(page.getByText(`“${ID}” is not there`)).toBeVisible();
  await expect(page.getByRole('alert').getByText('nobody is wrong')).toBeVisible();
  const until = await page.evaluate(() => new Date('2026-05-01T10:00:00').getTime());
  const params = sent[0]?.params ?? {};
  expect(Date.parse(String(params.until))).toBe(until);
  expect(params).toMatchObject({
    scene_ids: [ID],
    tags: ['New York'],
    ratings: [3, 5],
    on_conflict: 'overwrite',
    plain: 'high',
    maybe_limits: { most: 5, rate: null },
    rules: [{ most: 7 }],
    labels: { a: 'value 0', b: 'value 1' },
    pair: [1, 'x'],
    target: { kind: 'all' },
    day: '2026-05-01',
    folder: '/media',
    name: 'abc',
    limit: null,
    tree: null,
    yes: null,
  });

  // What the server said of a field is past once that field changes; the rest of it stands.
  await page.getByRole('group', { name: 'Limits', exact: true }).getByLabel('Most').fill('3');
  await expect(page.getByText('Is too much')).toBeHidden();
  await expect(page.getByText(`“${ID}” is not there`)).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`no kind of field stands in a reader's way, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 800 });
    await openRich(page, []);
    await paste(page, 'Tags', 'a,b,c,d');
    await page.getByRole('checkbox', { name: 'Maybe limits' }).check();
    await page.getByRole('group', { name: 'Rules', exact: true }).getByRole('button', { name: 'Add one' }).click();
    await page.getByRole('group', { name: 'Labels' }).getByRole('button', { name: 'Add an entry' }).click();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await expect(page.getByText('Must be filled in').first()).toBeVisible();
    expect((await new AxeBuilder({ page }).include('#main').analyze()).violations).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  });
}
