// What is around every page: the side bar (a bar at the bottom on a phone), the mark that says whether the page is live.

import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { jobTypesQuery } from '../api/queries';
import { AppearanceSwitch } from './AppearanceSwitch';
import { LiveMark } from './LiveMark';
import { NotReady } from './NotReady';
import { NAVIGATION } from './navigation';
import './frame.css';

/** A page that is left open hears of types that a new server has, and of pauses. Rows and forms only look at what is known. */
const TYPES_EVERY_MS = 30_000;

export function Frame() {
  const main = useRef<HTMLElement>(null);
  const nav = useRef<HTMLElement>(null);
  useQuery({ ...jobTypesQuery, refetchInterval: TYPES_EVERY_MS, notifyOnChangeProps: [] });
  const path = useRouterState({ select: (state) => state.location.pathname });
  const shown = useRef(path);

  // A screen reader and the keyboard begin a new page at its beginning.
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus({ preventScroll: true });
  }, [path]);

  // On a phone the pages are a row that is wider than the window.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another path is another entry
  useEffect(() => {
    nav.current?.querySelector('.active')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [path]);

  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="frame-head">
        <Link to="/" className="brand">
          <img src="/favicon.svg" alt="" width={24} height={24} />
          StashHog
        </Link>
        <nav ref={nav} aria-label="Pages" className="frame-nav">
          {NAVIGATION.map((entry) => (
            <Link key={entry.to} to={entry.to} activeOptions={{ exact: entry.to === '/', includeSearch: false }}>
              <span aria-hidden="true">{entry.icon}</span>
              <span>{entry.label}</span>
            </Link>
          ))}
        </nav>
        <div className="frame-foot">
          <LiveMark />
          <AppearanceSwitch />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className="frame-main">
        <NotReady />
        <Outlet />
      </main>
    </div>
  );
}
