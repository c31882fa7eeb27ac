// A list of the library: a grid whose rows are drawn as they come into sight and read as the end comes near.

import { Link } from '@tanstack/react-router';
import { Skeleton } from 'antd';
import { type MouseEvent, type ReactNode, useCallback, useEffect, useMemo, useRef } from 'react';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useKeys } from '../../app/keys';
import { useRows } from '../../app/rows';
import { plural } from '../../job/words';
import { libraryRoute } from './route';
import { type LibrarySearch, searchOf } from './search';
import type { Pages } from './useLibrary';
import { ONE } from './words';

/** More is read when the end is so many rows away. */
const AHEAD = 60;
/** As in library.css. */
const HEIGHTS = { row: 48, card: 64 };

export interface Column<R> {
  name: string;
  /** Of the cell, which says how wide it is and whether there is room for it on a phone. */
  className: string;
  cell(row: R): ReactNode;
}

interface Props<R> {
  pages: Pages<R>;
  search: LibrarySearch;
  /** What leads to a row's facts. */
  title(row: R): string;
  columns: readonly Column<R>[];
}

export function List<R extends { id: string }>({ pages, search, title, columns }: Props<R>) {
  const { data, error, refetch, isPlaceholderData } = pages;
  const rows = useMemo(() => data?.pages.flatMap((page) => page.rows), [data]);
  const one = ONE[search.kind ?? 'scenes'];
  if (!rows)
    return error ? <Failed error={error} again={() => void refetch()} /> : <Skeleton active paragraph={{ rows: 8 }} />;
  return (
    <div className={isPlaceholderData ? 'library-list leaving' : 'library-list'} aria-busy={isPlaceholderData}>
      {rows.length === 0 ? (
        <Empty title={search.q ? `No ${one} has “${search.q}” in it` : `There is no ${one}`}>
          {search.q ? 'Search for less, or for its id in Stash.' : null}
        </Empty>
      ) : (
        <Grid rows={rows} pages={pages} title={title} columns={columns} one={one} />
      )}
      <End pages={pages} count={rows.length} one={one} />
    </div>
  );
}

type GridProps<R> = Omit<Props<R>, 'search'> & { rows: readonly R[]; one: string };

function Grid<R extends { id: string }>({ rows, pages, title, columns, one }: GridProps<R>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const navigate = libraryRoute.useNavigate();
  const places = useMemo(() => new Map(rows.map((row, place) => [row.id, place])), [rows]);
  const open = useCallback(
    (id: string) => void navigate({ search: (now) => searchOf({ ...now, open: id }), resetScroll: false }),
    [navigate],
  );
  const keys = useKeys(rows, places, body, { open });
  const drawn = useRows(rows.length, keys.place, body, HEIGHTS);

  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = pages;
  const near = drawn.last >= rows.length - AHEAD;
  useEffect(() => {
    if (near && hasNextPage && !isFetching && !isFetchNextPageError) void fetchNextPage();
  }, [near, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage]);

  /** A press anywhere on a row opens it, where it is not on a link or the end of marking a text. */
  const press = (event: MouseEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    const id = target.closest('tr')?.dataset.id;
    if (!id || target.closest('a') || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (window.getSelection()?.isCollapsed !== false) open(id);
  };

  return (
    <table
      className="library-table"
      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: rows are gone through with arrows and opened
      role="grid"
      aria-label={`${one[0]?.toUpperCase()}${one.slice(1)}s`}
      aria-rowcount={hasNextPage ? -1 : rows.length + 1}
    >
      <thead>
        <tr aria-rowindex={1}>
          {columns.map(({ name, className }) => (
            <th key={name} scope="col" className={className}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body} onClick={press} onKeyDown={keys.onKeyDown} onFocus={keys.onFocus}>
        {drawn.pieces.map((piece) => {
          if ('room' in piece)
            return <Room key={`room ${piece.before}`} height={piece.room} columns={columns.length} />;
          const row = rows[piece.place];
          return row ? (
            <tr
              key={row.id}
              className="library-row"
              data-id={row.id}
              aria-rowindex={piece.place + 2}
              tabIndex={piece.place === keys.place ? 0 : -1}
            >
              {columns.map(({ name, className, cell }, at) => (
                <td key={name} className={className}>
                  {at === 0 ? (
                    <Link
                      from="/library"
                      to="/library"
                      search={(now) => searchOf({ ...now, open: row.id })}
                      resetScroll={false}
                      tabIndex={-1}
                      className="library-title"
                      title={title(row)}
                    >
                      {title(row)}
                    </Link>
                  ) : null}
                  {cell(row)}
                </td>
              ))}
            </tr>
          ) : null;
        })}
      </tbody>
    </table>
  );
}

/** Where rows would be that are not drawn. */
function Room({ height, columns }: { height: number; columns: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: only rows of the library take the focus
    <tr className="room" aria-hidden="true">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

function End<R>({ pages, count, one }: { pages: Pages<R>; count: number; one: string }) {
  if (pages.isFetchNextPageError && pages.error) {
    return <Failed error={pages.error} again={() => void pages.fetchNextPage()} />;
  }
  if (count === 0) return null;
  return (
    <p className="library-end muted">{pages.hasNextPage ? 'More is being read…' : `${plural(count, one)}, no more`}</p>
  );
}
