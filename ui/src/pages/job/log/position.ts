// Positions of log lines: the attempt, shifted left by 32 bits, plus the line's number in it. More than 32 bits, so no bit operators.

const ATTEMPT = 2 ** 32;

export function attemptOf(seq: number): number {
  return Math.floor(seq / ATTEMPT);
}

/** Its number in the attempt, from 0. */
export function numberOf(seq: number): number {
  return seq % ATTEMPT;
}

/** Where the lines of an attempt begin. */
export function startOf(attempt: number): number {
  return attempt * ATTEMPT;
}

/** How many lines of the same attempt are missing between two that are next to each other; before the first, `previous` is undefined. */
export function missing(previous: number | undefined, seq: number): number {
  if (previous === undefined || attemptOf(previous) !== attemptOf(seq)) return numberOf(seq);
  return seq - previous - 1;
}
