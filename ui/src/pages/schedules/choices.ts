// What a schedule does about jobs that take longer than planned, and about times that nobody kept: in words, for the form and for
// the page.

import type { CatchUp, Overlap } from '../../api/schema';

interface Choice {
  /** What the form calls it, and how it explains it. */
  label: string;
  help: string;
  /** What the page says of a schedule that has it. */
  fact: string;
}

export const OVERLAPS: Record<Overlap, Choice> = {
  skip: {
    label: 'Skip it',
    help: 'While an earlier job of this schedule waits or runs, a due time makes no job.',
    fact: 'no other is made',
  },
  queue: {
    label: 'Queue it',
    help: 'Every due time makes a job; it waits until the earlier ones of this schedule have ended.',
    fact: 'the next ones wait in line',
  },
};

export const CATCH_UPS: Record<CatchUp, Choice> = {
  none: {
    label: 'Let them go',
    help: 'Times at which no server was up are noted as missed.',
    fact: 'are only noted',
  },
  one: {
    label: 'Make up for the last',
    help: 'The last of the missed times gets its job late; the others are noted as missed.',
    fact: 'the last gets its job late',
  },
};
