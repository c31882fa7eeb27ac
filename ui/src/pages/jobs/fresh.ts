// What keeps a list true: what is heard live, what is read again after the connection was lost, and how many jobs would be new
// in it. Rows change where they are; nothing is put between them while somebody looks.

import { useEffect, useRef, useState } from 'react';
import { api, unwrap } from '../../api/client';
import type { JobSummary } from '../../api/schema';
import { isTerminal } from '../../job/status';
import { store, useCaughtUp, useJobChanges } from '../../live/live';
import { matches } from './filter';
import { Heard } from './heard';
import { type Listed, readPage } from './list';

/** New jobs are counted so often: a counter that whirls can't be read. */
const COUNT_EVERY_MS = 300;
/** Rows that rest so long under somebody's eyes are checked. */
const REST_MS = 150;
/** Without a socket, "caught up" is said after each question; the list need not be read as often. */
const READ_AGAIN_AFTER_MS = 2_000;

/** What was heard since the page was opened. */
export function useHeard(): Heard {
  const [heard] = useState(() => new Heard());
  useJobChanges((jobs) => heard.hear(jobs, Date.now()));
  return heard;
}

/** How many jobs would be in the list if it were read now, and are not. */
export function useNewJobs(listed: Listed, heard: Heard): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      timer = undefined;
      setCount(heard.othersSince(listed.askedAt).filter((job) => belongs(job, listed)).length);
    };
    heard.list((id) => listed.places.has(id));
    look();
    const stop = heard.onHeard(() => {
      timer ??= setTimeout(look, COUNT_EVERY_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [listed, heard]);
  return count;
}

/** Jobs that are older than the last row come when more is read. */
function belongs(job: JobSummary, { filter, jobs, more }: Listed): boolean {
  const last = jobs.at(-1);
  return (!more || !last || job.id > last.id) && matches(job, filter);
}

/**
 * Reads the newest jobs again when something may have happened unheard: when a list is shown that was read earlier, and after
 * the connection was lost. Returns since when rows are in doubt. Who comes to the top of an old list gets a new one.
 */
export function useReadAgain(listed: Listed, heard: Heard, refresh: () => void): number {
  const [openedAt] = useState(() => Date.now());
  const [doubtedAt, doubt] = useState(() => (openedAt - listed.askedAt > READ_AGAIN_AFTER_MS ? openedAt : 0));
  const [filter] = useState(listed.filter); // another filter is another list
  const again = useRef(refresh);
  useEffect(() => {
    again.current = refresh;
  });

  useCaughtUp(() => doubt((before) => (Date.now() - before > READ_AGAIN_AFTER_MS ? Date.now() : before)));

  useEffect(() => {
    if (doubtedAt === 0) return;
    const stop = new AbortController();
    readPage(filter, undefined, stop.signal).then(
      (page) => {
        heard.hear(page.jobs, Date.now());
        store.apply(page.jobs);
        if (doubtedAt === openedAt && window.scrollY === 0) again.current();
      },
      () => {}, // not reached: catching up comes again
    );
    return () => stop.abort();
  }, [filter, heard, doubtedAt, openedAt]);
  return doubtedAt;
}

/** Reads shown rows that may have changed unheard, one by one: those that fit the filter no more are in no page. */
export function useChecked(listed: Listed, first: number, last: number, doubtedAt: number): void {
  const checked = useRef(new Map<string, number>());
  useEffect(() => {
    if (doubtedAt === 0) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      for (let place = first; place <= last; place += 1) {
        const job = listed.jobs[place];
        if (!job || isTerminal(job.status) || (listed.readAt[place] ?? 0) >= doubtedAt) continue;
        if (checked.current.get(job.id) === doubtedAt) continue;
        unwrap(api.GET('/api/jobs/{id}', { params: { path: { id: job.id } }, signal: stop.signal })).then(
          (newest) => {
            checked.current.set(job.id, doubtedAt);
            store.apply([newest]);
          },
          () => {}, // gone, or not reached
        );
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [listed, first, last, doubtedAt]);
}
