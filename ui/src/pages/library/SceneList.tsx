// The scenes, the one that changed last first.

import type { SceneRow } from '../../api/schema';
import { When } from '../../job/times';
import { length } from './amounts';
import { type Column, List } from './List';
import type { LibrarySearch } from './search';
import { useScenes } from './useLibrary';
import { titleOf } from './words';

const COLUMNS: readonly Column<SceneRow>[] = [
  {
    name: 'Title',
    className: 'l-main',
    cell: ({ path }) => (path ? <span className="library-path muted">{path}</span> : null),
  },
  { name: 'Studio', className: 'l-studio', cell: ({ studio_name, studio_id }) => studio_name ?? studio_id },
  { name: 'Date', className: 'l-date number', cell: ({ date }) => date },
  {
    name: 'Length',
    className: 'l-length number',
    cell: ({ duration_seconds }) => (duration_seconds === null ? null : length(duration_seconds)),
  },
  { name: 'Changed', className: 'l-changed', cell: ({ updated_at }) => <When at={updated_at} /> },
];

export function SceneList({ search }: { search: LibrarySearch }) {
  return <List pages={useScenes(search)} search={search} title={titleOf} columns={COLUMNS} />;
}
