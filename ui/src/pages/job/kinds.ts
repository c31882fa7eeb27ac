// What happened to a job, in words.

const WORDS: Record<string, string> = {
  created: 'submitted',
  started: 'started',
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
