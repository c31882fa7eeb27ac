import { expect, test } from 'vitest';
import { searchOf } from './search';

test('an address is read as far as it makes sense', () => {
  expect(searchOf({})).toEqual({});
  expect(searchOf({ kind: 'scenes', q: 42, open: '7', more: 1 })).toEqual({ q: '42', open: '7' });
  expect(searchOf({ kind: 'tags', q: ' ', performer: '3' })).toEqual({ kind: 'tags' });
  expect(searchOf({ kind: 'movies', studio: 3, tag: {} })).toEqual({ studio: '3' });
});
