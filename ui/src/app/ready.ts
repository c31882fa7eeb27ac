// Why a server does not take jobs now, in words.

import type { Ready } from '../api/schema';
import { plural } from '../job/words';

/** One sentence per reason; none when it does. */
export function notReady({ ready, database, claiming, fenced, unwritten }: Ready): string[] {
  if (ready && !fenced) return [];
  return [
    ...(database ? [] : ['The database does not answer.']),
    ...(fenced
      ? ['It could not renew its lease, or the database did not know it: it runs no jobs until it is registered again.']
      : []),
    ...(claiming ? [] : ['It is going down and starts no new jobs.']),
    ...(unwritten > 0 ? [`The ends of ${plural(unwritten, 'job')} wait to be stored.`] : []),
  ];
}
