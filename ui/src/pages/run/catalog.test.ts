import { expect, test } from 'vitest';
import type { JobType } from '../../api/schema';
import { catalog, near } from './catalog';

function type(name: string, label: string, category: string, description = ''): JobType {
  return { type: name, label, category, description } as JobType;
}

const TYPES = [
  type('scan_library', 'Scan Library', 'Library', 'Looks through the media folders.'),
  type('cleanup', 'Cleanup', 'Maintenance', 'Deletes finished jobs.'),
  type('archive', 'Archive', 'Library'),
];

const names = (search: string) =>
  catalog(TYPES, search).map(({ name, types }) => [name, ...types.map(({ label }) => label)]);

test('types stand in their category, both in the order of the alphabet', () => {
  expect(names('')).toEqual([
    ['Library', 'Archive', 'Scan Library'],
    ['Maintenance', 'Cleanup'],
  ]);
});

test('a search looks for every word in name, label, category and description', () => {
  expect(names('MEDIA scan')).toEqual([['Library', 'Scan Library']]);
  expect(names('library')).toEqual([['Library', 'Archive', 'Scan Library']]);
  expect(names('media jobs')).toEqual([]);
});

test('a name that does not exist leads to those like it', () => {
  expect(near('clenup', TYPES).map(({ type }) => type)).toEqual(['cleanup']);
  expect(near('scan', TYPES).map(({ type }) => type)).toEqual(['scan_library']);
  expect(near('qwerty', TYPES)).toEqual([]);
});
