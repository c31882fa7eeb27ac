// How fast the page is there, how smooth it stays, and how soon it shows what happened. Say what else ran on the machine.

import { cpus, totalmem } from 'node:os';
import type { Page } from '@playwright/test';
import { Server, test } from './support';

const JOBS = 50;
const UPDATE_EVERY_MS = 50;
const WATCHED_MS = 20_000;
const FINISHES = 50;

const say = (line: string) => process.stdout.write(`${line}\n`);
const kb = (bytes: number) => `${(bytes / 1_000).toFixed(0)} kB`;

test.beforeAll(({ browser }) => {
  say(`${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Chromium ${browser.version()}`);
});

test('first load', async ({ browser, server }) => {
  for (const path of ['/', '/jobs', '/run/demo', '/runners']) {
    const context = await browser.newContext();
    const page = await context.newPage();
    let sent = 0;
    const network = await context.newCDPSession(page);
    await network.send('Network.enable');
    network.on('Network.loadingFinished', (event) => (sent += event.encodedDataLength));
    await longTasks(page);
    await page.goto(`${server.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    await page.waitForLoadState('networkidle');
    const timing = await page.evaluate(() => {
      const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
      const last = window.longTasks.at(-1);
      return { paint, interactive: Math.max(paint, last ? last.start + last.duration : 0) };
    });
    say(`${path}: ${kb(sent)} over the wire, first paint ${ms(timing.paint)}, interactive ${ms(timing.interactive)}`);
    await context.close();
  }
});

test('many updates', async ({ page }) => {
  const server = await Server.start({ flags: ['--concurrency', `demo=${JOBS}`] });
  try {
    const items = Math.ceil((WATCHED_MS * 2) / UPDATE_EVERY_MS);
    for (let n = 0; n < JOBS; n++) await server.submit('demo', { items, item_ms: UPDATE_EVERY_MS });
    for (const path of ['/', '/jobs']) {
      await longTasks(page);
      await page.goto(server.url + path);
      await page.getByRole('progressbar').nth(10).waitFor();
      await page.evaluate(() => {
        window.longTasks.length = 0;
        window.frames_ = 0;
        const count = () => {
          window.frames_ += 1;
          requestAnimationFrame(count);
        };
        requestAnimationFrame(count);
      });
      await page.waitForTimeout(WATCHED_MS / 2);
      const seen = await page.evaluate(() => ({
        tasks: window.longTasks.map((task) => task.duration),
        n: window.frames_,
      }));
      const longest = Math.max(0, ...seen.tasks);
      say(
        `${path}: ${JOBS} jobs × ${1_000 / UPDATE_EVERY_MS}/s for ${WATCHED_MS / 2_000} s: ${seen.tasks.length} tasks over 50 ms, ` +
          `longest ${ms(longest)}, ${(seen.n / (WATCHED_MS / 2_000)).toFixed(0)} frames/s`,
      );
    }
  } finally {
    await server.stop();
  }
});

test('from a finish to its row', async ({ page, server }) => {
  await page.goto(`${server.url}/jobs`);
  await page.getByText('live', { exact: true }).waitFor();
  const waits: number[] = [];
  for (let n = 0; n < FINISHES; n++) {
    const id = await server.submit('demo', { items: 4, item_ms: 50 });
    const seen = await page.evaluate(finishSeen, id);
    const job = await server.ended(id);
    // One machine, one clock.
    waits.push(seen - Date.parse(job.completed_at ?? ''));
  }
  waits.sort((a, b) => a - b);
  const at = (part: number) => ms(waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] ?? 0);
  say(`finish → row: p50 ${at(0.5)}, p95 ${at(0.95)}, max ${at(1)}, of ${FINISHES}`);
});

const ms = (n: number) => `${n.toFixed(0)} ms`;

declare global {
  interface Window {
    longTasks: { start: number; duration: number }[];
    frames_: number;
  }
}

/** Notes every task of the page over 50 ms, from its start on. */
async function longTasks(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) window.longTasks.push({ start: task.startTime, duration: task.duration });
    }).observe({ type: 'longtask', buffered: true });
  });
}

/** The time at which the row of a job says that it completed. In the page. */
function finishSeen(id: string): Promise<number> {
  return new Promise((seen) => {
    const look = () => {
      const row = document.querySelector(`a[href="/jobs/${id}"]`)?.closest('[role=row], tr, li');
      if (row?.textContent?.includes('completed')) return seen(Date.now());
      document.querySelector<HTMLElement>('.announce button')?.click();
      requestAnimationFrame(look);
    };
    look();
  });
}
