// The time, the same for the whole page: one timer, however many rows tell their age.

import { useSyncExternalStore } from 'react';

const EVERY_MS = 1_000;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

/** Nobody reads a hidden page; back in sight, the next second tells. */
function tick(): void {
  if (document.visibilityState === 'hidden') return;
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, EVERY_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function current(): number {
  if (timer === undefined && Date.now() - now >= EVERY_MS) now = Date.now();
  return now;
}

/** The time in milliseconds, a second old at most. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, current);
}
