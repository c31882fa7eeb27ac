// The performers, the tags or the studios, by name.

import type { EntityRow } from '../../api/schema';
import { When } from '../../job/times';
import { plural } from '../../job/words';
import { type Column, List } from './List';
import type { LibrarySearch } from './search';
import { type Entities, useEntities } from './useLibrary';

const COLUMNS: readonly Column<EntityRow>[] = [
  { name: 'Name', className: 'l-main', cell: () => null },
  { name: 'Scenes', className: 'l-scenes number', cell: ({ scenes }) => plural(scenes, 'scene') },
  { name: 'Changed', className: 'l-changed', cell: ({ updated_at }) => <When at={updated_at} /> },
];

export function EntityList({ kind, search }: { kind: Entities; search: LibrarySearch }) {
  return <List pages={useEntities(kind, search.q)} search={search} title={({ name }) => name} columns={COLUMNS} />;
}
