// What this browser remembers of a job type's params: those of the last run, and those that a person gave a name.
//
// Nothing is taken for granted: the storage may be full, forbidden or written by another version.

import { isObject, type Params } from '../../form/params/fill';

export interface Remembered {
  last?: Params;
  presets: Record<string, Params>;
}

const key = (type: string) => `stashhog.run.${type}`;

export function remembered(type: string): Remembered {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key(type)) ?? '{}');
    if (!isObject(stored)) return { presets: {} };
    const presets = Object.entries(isObject(stored.presets) ? stored.presets : {});
    return {
      ...(isObject(stored.last) ? { last: stored.last } : {}),
      presets: Object.fromEntries(presets.filter((entry): entry is [string, Params] => isObject(entry[1]))),
    };
  } catch {
    return { presets: {} };
  }
}

/** Returns what is remembered now; throws when the browser keeps nothing. */
export function remember(type: string, change: (before: Remembered) => Remembered): Remembered {
  const after = change(remembered(type));
  localStorage.setItem(key(type), JSON.stringify(after));
  return after;
}
