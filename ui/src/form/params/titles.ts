// What a field is called when its schema has no title: its name in words.

import { capital } from '../../job/words';

/** `error_every`, `errorEvery` and `error-every` → `Error every`. */
export function titleOf(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[\s_-]+/)
    .filter((word) => word !== '');
  const text = words.map((word) => (/^[A-Z]{2,}$/.test(word) ? word : word.toLowerCase())).join(' ');
  return text === '' ? name : capital(text);
}
