// The page brings its font along: text looks the same whatever is installed. An emoji font is installed where these tests run
// (.ci/need), since such a font has digits and a space of its own and wins them wherever a font list names it.

import type { Page } from '@playwright/test';
import { expect, test } from './support';

const SHIPPED = 'Inter';

/** The fonts that text of the page is drawn in, with whether the page brought each along. */
async function fontsOf(page: Page): Promise<Map<string, boolean>> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('DOM.enable');
  await devtools.send('CSS.enable');
  const { root } = await devtools.send('DOM.getDocument');
  const { nodeIds } = await devtools.send('DOM.querySelectorAll', { nodeId: root.nodeId, selector: 'body *' });
  const found = new Map<string, boolean>();
  for (const nodeId of nodeIds) {
    const { fonts } = await devtools.send('CSS.getPlatformFontsForNode', { nodeId });
    for (const { familyName, isCustomFont } of fonts) found.set(familyName, isCustomFont);
  }
  await devtools.detach();
  return found;
}

test('an emoji font is installed here, and draws emoji', async ({ page, server }) => {
  await page.goto(`/jobs/${await server.submit('demo', { items: 1 }, '🦔 5 × 10')}`);
  await expect(page.getByText('🦔 5 × 10')).toBeVisible();
  const fonts = await fontsOf(page);
  expect([...fonts.keys()].join(), 'no emoji font is installed here: run .ci/need chromium').toMatch(/Emoji/);
});

test('digits, spaces and letters of every page are those of the shipped font', async ({ page, server }) => {
  const job = await server.submit('demo', { items: 30, item_ms: 2, log_lines: 2 });
  await server.ended(job);
  for (const path of ['/', `/jobs/${job}`, '/run/demo', '/library', '/plans', '/schedules', '/runners', '/settings']) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await page.waitForLoadState('networkidle');
    const fonts = await fontsOf(page);
    expect(fonts.get(SHIPPED), `${path}: ${[...fonts.keys()]}`).toBe(true);
    expect(
      [...fonts.keys()].filter((name) => /emoji/i.test(name)),
      path,
    ).toEqual([]);
  }
});

test('charts are drawn in the shipped font', async ({ page, server }) => {
  await server.ended(await server.submit('demo', { items: 30, item_ms: 2 }));
  await page.addInitScript(() => {
    window.drawnIn = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (...drawn) {
      window.drawnIn.push(this.font);
      fillText.apply(this, drawn);
    };
  });
  await page.goto('/');
  await expect.poll(() => page.evaluate(() => window.drawnIn.length)).toBeGreaterThan(0);
  const fonts = new Set(await page.evaluate(() => window.drawnIn));
  for (const font of fonts) expect(font).toMatch(/^\d+px "Inter Variable"/);
});

test('the font is asked for once, by the page and not by its script, and kept', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (request) => request.resourceType() === 'font' && asked.push(request.url()));
  const response = page.waitForResponse(/\.woff2$/);
  await page.goto('/');
  const { headers, status } = await response.then(async (font) => ({ headers: font.headers(), status: font.status() }));
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'font/woff2',
    'cache-control': expect.stringContaining('immutable'),
  });
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  await page.waitForLoadState('networkidle');
  expect(asked).toEqual([await page.locator('link[rel=preload][as=font]').evaluate((it: HTMLLinkElement) => it.href)]);
});

declare global {
  interface Window {
    drawnIn: string[];
  }
}
