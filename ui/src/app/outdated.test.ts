import { afterEach, expect, test, vi } from 'vitest';
import { renewWhenOutdated } from './outdated';

afterEach(() => vi.unstubAllGlobals());

async function reloads(answer: () => Promise<Response>): Promise<number> {
  const page = new EventTarget();
  const reload = vi.fn();
  vi.stubGlobal('window', page);
  vi.stubGlobal('location', { reload });
  vi.stubGlobal('fetch', vi.fn(answer));
  renewWhenOutdated('http://server/assets/index-old.js');
  page.dispatchEvent(new Event('vite:preloadError'));
  await new Promise((later) => setTimeout(later));
  return reload.mock.calls.length;
}

test('a page that misses a file comes anew only where the server has another one', async () => {
  const page = (script: string) => async () => new Response(`<script type="module" src="/assets/${script}"></script>`);
  expect(await reloads(page('index-new.js'))).toBe(1);
  expect(await reloads(page('index-old.js'))).toBe(0);
  expect(await reloads(async () => new Response('bad gateway', { status: 502 }))).toBe(0);
  expect(await reloads(() => Promise.reject(new TypeError('unreachable')))).toBe(0);
});
