// Why a server does not take jobs now, in words.

import type { Ready, Reason } from '../api/schema';
import { capital } from '../job/words';

/** One sentence per reason, the longest first; none when it does. */
export function notReady({ reasons }: Pick<Ready, 'reasons'>): Reason[] {
  return reasons.map((reason) => ({ ...reason, message: capital(reason.message) }));
}
