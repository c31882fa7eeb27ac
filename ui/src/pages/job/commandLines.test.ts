import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandLines, quoted } from './commandLines';

const server = 'http://127.0.0.1:4004';

const type = {
  priority: 0,
  params_schema: {
    properties: {
      items: { type: 'integer', default: 30 },
      limit: { type: ['integer', 'null'], default: null },
      probe: { type: 'boolean', default: true },
      force: { type: 'boolean', default: false },
      path: { type: ['string', 'null'], default: null },
      tags: { type: 'array', items: { type: 'string' }, default: [] },
      reason: { type: 'string' },
    },
  },
};

function lines(params: Record<string, unknown>, more = {}) {
  return commandLines({ type: 'copy', params, priority: 0, only_items: null, retry_of: null, ...more }, type, server);
}

test('a shell reads back every word as it was', () => {
  const words = ['plain', '', "it's", 'a b', '$HOME', '`id`', '"', '\\', '*', 'ä\nö', '-x', '!', "''", '~'];
  const script = `printf '%s\\0' ${words.map(quoted).join(' ')}`;
  expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(words);
});

test('only what differs from the defaults is written', () => {
  const { cli, curl } = lines({ items: 30, limit: null, probe: true, force: true, path: null, tags: [] });
  expect(cli).toBe(`stashhog run copy --force --server ${server}`);
  expect(curl).toBe(
    `curl -X POST ${server}/api/jobs -H 'Content-Type: application/json' -d '{"type":"copy","params":{"force":true}}'`,
  );
});

test('values become flags, and what has no form as one becomes JSON', () => {
  const { cli } = lines({ items: 5, limit: -3, probe: false, path: "it's here", tags: ['a'], reason: 'x' });
  const flags = `--items 5 --limit=-3 --probe=false --path 'it'\\''s here' --params '{"tags":["a"],"reason":"x"}'`;
  expect(cli).toBe(`stashhog run copy ${flags} --server ${server}`);
});

test('a type that is not known gets all params as JSON', () => {
  const job = { type: 'old', params: { items: 30 }, priority: 3, only_items: null, retry_of: null };
  expect(commandLines(job, undefined, server).cli).toBe(`stashhog run old --params '{"items":30}' --server ${server}`);
});

test('a priority of its own is kept, and a retry of failed items is one again', () => {
  expect(lines({}, { priority: 5 }).curl).toContain('"params":{},"priority":5}');
  const retry = lines({}, { only_items: ['a'], retry_of: 'ID' });
  expect(retry.cli).toBe(`stashhog jobs retry ID --only-failed-items --server ${server}`);
  expect(retry.curl).toContain(`${server}/api/jobs/ID/retry`);
});
