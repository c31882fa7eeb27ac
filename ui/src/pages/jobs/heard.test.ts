import { expect, test } from 'vitest';
import type { JobSummary } from '../../api/schema';
import { Heard } from './heard';

const job = (id: string, rev: number) => ({ id, rev }) as JobSummary;

test('the newest state of a listed job is known, however many others were heard of', () => {
  const heard = new Heard();
  heard.hear([job('early', 2)], 0);
  heard.list((id) => id === 'row' || id === 'early');
  heard.hear([job('row', 5)], 1);
  heard.hear(
    Array.from({ length: 6_000 }, (_, n) => job(`other${n}`, 10 + n)),
    2,
  );
  expect(heard.newest(job('row', 1)).rev).toBe(5);
  expect(heard.newest(job('row', 7)).rev).toBe(7);
  expect(heard.newest(job('early', 1)).rev).toBe(2);
  expect(heard.newest(job('unheard', 1)).rev).toBe(1);
  expect(heard.othersSince(0)).toHaveLength(5_000);
});

test('others are told by when they changed, and no more once they are listed', () => {
  const heard = new Heard();
  heard.hear([job('a', 1), job('b', 2)], 10);
  heard.hear([job('a', 3)], 20);
  expect(heard.othersSince(10).map(({ id }) => id)).toEqual(['b', 'a']);
  expect(heard.othersSince(15).map(({ id }) => id)).toEqual(['a']);
  heard.list((id) => id === 'a');
  expect(heard.othersSince(15)).toEqual([]);
  expect(heard.newest(job('a', 1)).rev).toBe(3);
});

test('what was in another list is known there and is no news here', () => {
  const heard = new Heard();
  heard.list((id) => id === 'a');
  heard.hear([job('a', 4)], 10);
  heard.list(() => false);
  expect(heard.othersSince(0)).toEqual([]);
  expect(heard.newest(job('a', 1)).rev).toBe(4);
});
