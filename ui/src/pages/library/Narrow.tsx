// Narrows a list: by a text, and scenes by what they have.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Input } from 'antd';
import { useTyped } from '../../app/typed';
import { libraryRoute } from './route';
import { type LibrarySearch, RELATIONS, type Relation, searchOf } from './search';
import { entityQuery } from './useLibrary';
import { KIND_LABELS, ONE } from './words';

const LONGEST = 200;

export function Narrow({ search }: { search: LibrarySearch }) {
  const navigate = libraryRoute.useNavigate();
  const typed = useTyped(search.q ?? '', (q, goesOn) => {
    void navigate({ search: (now) => searchOf({ ...now, q, open: undefined }), replace: goesOn });
  });
  const kind = search.kind ?? 'scenes';
  const where = kind === 'scenes' ? 'Title or path' : 'Name or alias';
  return (
    <div className="library-narrow">
      <Input
        type="search"
        allowClear
        aria-label={`Search ${KIND_LABELS[kind].toLowerCase()}`}
        placeholder={where}
        maxLength={LONGEST}
        {...typed}
      />
      {(Object.keys(RELATIONS) as Relation[]).map((relation) => {
        const id = search[relation];
        return id ? <Chip key={relation} relation={relation} id={id} /> : null;
      })}
    </div>
  );
}

/** What the scenes have, to be let go. */
function Chip({ relation, id }: { relation: Relation; id: string }) {
  const kind = RELATIONS[relation];
  const { data } = useQuery(entityQuery(kind, id));
  return (
    <Link
      from="/library"
      to="/library"
      search={(now) => searchOf({ ...now, [relation]: undefined })}
      className="library-chip"
    >
      {ONE[kind]}: {data?.name ?? id} <span aria-hidden="true">×</span>
      <span className="hidden-label">, show all</span>
    </Link>
  );
}
