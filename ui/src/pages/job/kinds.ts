// What happened to a job, in words.

const WORDS: Record<string, string> = {
  created: 'submitted',
  started: 'started',
  attempt_failed: 'the attempt failed, another follows',
  timed_out: 'its time was up: asked to stop',
  cancel_requested: 'asked to stop',
  cancel_delivered: 'its runner heard that it should stop',
  cancel_aborted: 'aborted: it did not stop in time',
  cancel_abandoned: 'abandoned: it still blocks a thread',
  interrupted: 'interrupted: its node went away',
  rescued: 'rescued from a node that died',
  late_write_rejected: 'a late write of an old attempt was rejected',
};

/** A kind that is not known here is shown by its name. */
export function kindInWords(kind: string): string {
  return WORDS[kind] ?? kind.replaceAll('_', ' ');
}

const ENDS: Record<string, [word: string, color: string]> = {
  running: ['running', 'blue'],
  completed: ['completed', 'green'],
  failed: ['failed', 'red'],
  attempt_failed: ['failed, another followed', 'gold'],
  cancelled: ['cancelled', 'default'],
  interrupted: ['interrupted', 'orange'],
  rescued: ['its node died', 'orange'],
};

/** How an attempt ended, and in which colour; null where nobody knows. */
export function endInWords(ended: string | null): [word: string, color: string] {
  return ENDS[ended ?? ''] ?? [ended?.replaceAll('_', ' ') ?? 'end unknown', 'default'];
}
