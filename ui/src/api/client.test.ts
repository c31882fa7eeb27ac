import { afterEach, expect, test, vi } from 'vitest';
import { api, Problem, unwrap } from './client';

afterEach(() => vi.restoreAllMocks());

/** Answers the calls one after another, and says which idempotency key each came with. */
function answering(...answers: (() => Response | Promise<Response>)[]): (string | null)[] {
  const keys: (string | null)[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    keys.push(request.headers.get('Idempotency-Key'));
    return Promise.resolve(answers[keys.length - 1]?.());
  });
  return keys;
}

const lost = () => Promise.reject(new TypeError('network error'));
const answer =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(JSON.stringify({ code: 'any', id: '1' }), {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    });

const run = (type = 'demo') => unwrap(api.POST('/api/jobs', { baseUrl: 'http://127.0.0.1', body: { type } }));

test('a write whose answer was lost has the same key when it is asked again, and another once it was answered', async () => {
  const keys = answering(lost, answer(504), answer(409, { 'Retry-After': '1' }), answer(201), answer(201));
  for (let n = 0; n < 3; n++) await expect(run()).rejects.toBeInstanceOf(Problem);
  await run();
  await run();
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys.slice(1, 4)).toEqual([keys[0], keys[0], keys[0]]);
  expect(keys[4]).not.toBe(keys[0]);
});

test('another body has another key, and so has what was refused or given up', async () => {
  const aborted = () => Promise.reject(new DOMException('aborted', 'AbortError'));
  const keys = answering(lost, answer(409), answer(201), aborted, answer(201));
  await expect(run('sync')).rejects.toBeInstanceOf(Problem);
  await expect(run()).rejects.toBeInstanceOf(Problem);
  await run();
  await expect(run()).rejects.toHaveProperty('name', 'AbortError');
  await run();
  expect(new Set(keys).size).toBe(5);
});

test('a read has no key', async () => {
  const keys = answering(answer(200));
  await unwrap(api.GET('/api/nodes', { baseUrl: 'http://127.0.0.1' }));
  expect(keys).toEqual([null]);
});
