// The list: a grid whose rows are drawn as they come into sight and read as the end comes near.

import { useNavigate } from '@tanstack/react-router';
import { type MouseEvent, useCallback, useEffect, useRef } from 'react';
import { useKeys } from '../../app/keys';
import { useRows } from '../../app/rows';
import { Announce } from './Announce';
import { Bulk } from './Bulk';
import { Foot } from './Foot';
import { useChecked, useNewJobs, useReadAgain } from './fresh';
import { Head } from './Head';
import type { Heard } from './heard';
import { JobRow } from './JobRow';
import type { JobListQuery, Listed } from './list';
import { useSelection } from './selection';

/** More is read when the end is so many rows away. */
const AHEAD = 150;

/** As in jobs.css. */
const HEIGHTS = { row: 48, card: 104 };

interface JobListProps {
  listed: Listed;
  heard: Heard;
  query: JobListQuery;
  refresh(): Promise<void>;
}

export function JobList({ listed, heard, query, refresh }: JobListProps) {
  const { jobs, searchedUntil } = listed;
  const body = useRef<HTMLTableSectionElement>(null);
  const navigate = useNavigate();
  const selecting = useSelection(listed);
  const open = useCallback((id: string) => void navigate({ to: '/jobs/$id', params: { id } }), [navigate]);
  const keys = useKeys(jobs, listed.places, body, { open, pick: selecting.pick });
  const rows = useRows(jobs.length, keys.place, body, HEIGHTS);
  const news = useNewJobs(listed, heard);
  const doubtedAt = useReadAgain(listed, heard, refresh);
  useChecked(listed, rows.first, rows.last, doubtedAt);

  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = query;
  const near = rows.last >= jobs.length - AHEAD;
  useEffect(() => {
    // A search that finds nothing must not go through the whole history by itself.
    if (near && hasNextPage && !searchedUntil && !isFetching && !isFetchNextPageError) void fetchNextPage();
  }, [near, hasNextPage, searchedUntil, isFetching, isFetchNextPageError, fetchNextPage]);

  // Where there is nothing, nothing can be pushed away.
  const empty = jobs.length === 0;
  useEffect(() => {
    if (empty && news > 0) void refresh();
  }, [empty, news, refresh]);

  // Who asks for the new jobs is led to them once they are there.
  const asked = useRef(false);
  const { toFirst } = keys;
  const { askedAt } = listed;
  useEffect(() => {
    if (!askedAt || !asked.current) return;
    asked.current = false;
    window.scrollTo({ top: 0 });
    toFirst();
  }, [askedAt, toFirst]);
  const show = () => {
    asked.current = true;
    void refresh();
  };

  /** A press anywhere on a row opens it, where it is not on something of its own or the end of marking a text. */
  const press = (event: MouseEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    const id = target.closest('tr')?.dataset.id;
    if (!id || target.closest('a, label, input') || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (window.getSelection()?.isCollapsed !== false) open(id);
  };

  const foot = <Foot query={query} count={jobs.length} searchedUntil={searchedUntil} />;
  // Older jobs may match all the same.
  if (empty) return searchedUntil ? foot : null;
  return (
    <>
      <Announce count={news} show={show} />
      <table
        className="job-table"
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: rows are gone through with arrows and selected
        role="grid"
        aria-label="Jobs, newest first"
        aria-rowcount={listed.more ? -1 : jobs.length + 1}
        aria-multiselectable="true"
      >
        <Head selecting={selecting} count={jobs.length} />
        <tbody ref={body} onClick={press} onKeyDown={keys.onKeyDown} onFocus={keys.onFocus}>
          {rows.pieces.map((piece) => {
            if ('room' in piece) return <Room key={`room ${piece.before}`} height={piece.room} />;
            const job = jobs[piece.place];
            return job ? (
              <JobRow
                key={job.id}
                read={heard.newest(job)}
                place={piece.place}
                selected={selecting.has(job.id)}
                current={piece.place === keys.place}
                pick={selecting.pick}
              />
            ) : null;
          })}
        </tbody>
      </table>
      {foot}
      <Bulk selecting={selecting} listed={listed} />
    </>
  );
}

/** Where rows would be that are not drawn. */
function Room({ height }: { height: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: only rows of jobs take the focus
    <tr className="room" aria-hidden="true">
      <td colSpan={8} style={{ height }} />
    </tr>
  );
}
