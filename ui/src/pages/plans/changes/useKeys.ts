// The changes by keyboard: j and k go from one to the next, a approves, r rejects, x selects. What is selected is decided on
// together. Only while the keyboard is on the list, but for j and k, which lead to it.

import { type RefObject, useEffect, useRef } from 'react';
import type { Decide } from './useDecide';

interface Doing {
  decide: Decide;
  /** The selected ones that may be decided on. */
  selected: readonly string[];
  pick(id: string): void;
}

export function useKeys(list: RefObject<HTMLElement | null>, doing: Doing): void {
  const latest = useRef(doing);
  useEffect(() => {
    latest.current = doing;
  });

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      const here = (event.target as Element).closest<HTMLElement>('[data-change]');
      const { decide, selected, pick } = latest.current;
      const step = { j: 1, k: -1 }[event.key];
      const verdict = ({ a: 'approve', r: 'reject' } as const)[event.key];
      if (step) go(list.current, here, step);
      else if (!here || !list.current?.contains(here)) return;
      else if (event.key === 'x' && here.dataset.change) pick(here.dataset.change);
      else if (verdict && selected.length > 0) decide(verdict, selected);
      else if (verdict && here.dataset.change) {
        decide(verdict, [here.dataset.change]);
        go(list.current, here, 1);
      } else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [list]);
}

function go(list: HTMLElement | null, here: HTMLElement | null, step: number): void {
  const boxes = [...(list?.querySelectorAll<HTMLInputElement>('[data-change] input') ?? [])];
  const at = here ? boxes.findIndex((box) => here.contains(box)) : -1;
  const next = boxes[at < 0 ? 0 : at + step];
  next?.focus({ preventScroll: true });
  next?.closest('[data-change]')?.scrollIntoView({ block: 'nearest' });
}

/** In a field letters are letters, and a dialog has the page to itself. */
function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return true;
  if (document.querySelector('.ant-modal-root .ant-modal-wrap:not([style*="display: none"])')) return true;
  return (
    target.closest('input:not([type="checkbox"]), textarea, select, [contenteditable], [role="combobox"]') !== null
  );
}
