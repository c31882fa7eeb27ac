// What axe finds wrong with a page, in light and in dark.

import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect } from './support';

export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const told = violations.map(
      (found) => `${colorScheme}: ${found.id}: ${found.nodes.map((node) => node.html).join(' ')}`,
    );
    expect(told).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** No page scrolls sideways, neither on a desk nor on a phone. */
export async function expectFits(page: Page): Promise<void> {
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await expect
      .poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth))
      .toBe(0);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}
