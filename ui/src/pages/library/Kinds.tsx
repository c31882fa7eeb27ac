// The kinds of the library with how many of each there are.

import { Link } from '@tanstack/react-router';
import type { Kind, KindOverview } from '../../api/schema';
import { count } from '../../job/words';
import { KINDS, type LibrarySearch } from './search';
import { KIND_LABELS } from './words';

export function Kinds({ kinds, search }: { kinds: KindOverview[]; search: LibrarySearch }) {
  const shown = search.kind ?? 'scenes';
  const countOf = (kind: Kind) => kinds.find((known) => known.kind === kind)?.count ?? 0;
  return (
    <nav className="library-kinds" aria-label="Kinds">
      {KINDS.map((kind) => {
        const current = { 'aria-current': kind === shown ? ('page' as const) : undefined };
        return (
          <Link
            key={kind}
            to="/library"
            search={kind === 'scenes' ? {} : { kind }}
            className={kind === shown ? 'asked' : ''}
            activeProps={current}
            {...current}
          >
            {KIND_LABELS[kind]} <span className="number muted">{count(countOf(kind))}</span>
          </Link>
        );
      })}
    </nav>
  );
}
