// What is remembered of a type's params, as the page shows it.

import { useState } from 'react';
import type { Params } from '../../form/params/fill';
import { type Remembered, remember, remembered } from './remembered';

export interface Memory extends Remembered {
  keepLast(params: Params): void;
  /** Fails when the browser keeps nothing. */
  save(name: string, params: Params): void;
  remove(name: string): void;
}

export function useRemembered(type: string): Memory {
  const [now, setNow] = useState(() => remembered(type));
  return {
    ...now,
    keepLast: (params) => {
      try {
        remember(type, (before) => ({ ...before, last: params }));
      } catch {
        // The job runs all the same.
      }
    },
    save: (name, params) =>
      setNow(remember(type, (before) => ({ ...before, presets: { ...before.presets, [name]: params } }))),
    remove: (name) =>
      setNow(
        remember(type, (before) => {
          const { [name]: _, ...others } = before.presets;
          return { ...before, presets: others };
        }),
      ),
  };
}
