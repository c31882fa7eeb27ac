// A real browser against the real server on a real PostgreSQL. See tests/support.ts.
//
//   SUITE=spec    tests: `make browser`
//   SUITE=shot    the pictures of docs/screenshots: `make screenshots`
//   SUITE=bench   measurements, which say figures and judge nothing: `make ui-bench`

import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'tests',
  testMatch: `*.${process.env.SUITE ?? 'spec'}.ts`,
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 800 },
    // What moves on its way can't be pressed yet. That the page heeds the wish is shown by this, too.
    contextOptions: { reducedMotion: 'reduce' },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      // Without these the browser asks its maker's hosts for news at every start.
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
