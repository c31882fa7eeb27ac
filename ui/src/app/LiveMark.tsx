// Says whether what is on the screen is true now.

import { ticking } from '../job/words';
import { useLiveState } from '../live/live';
import { useNow } from '../live/now';
import './live-mark.css';

const WORDS = {
  connecting: ['connecting', 'The first connection to the server is on its way.'],
  live: ['live', 'Every change is shown as it happens.'],
  behind: ['behind', 'The connection is slow: what is shown is older than what happened.'],
  reconnecting: ['reconnecting', 'The server is not reached; what is shown is from before.'],
  polling: ['polling', 'No live connection is possible, so the server is asked once a second.'],
} as const;

export function LiveMark() {
  const { kind, since } = useLiveState();
  const [word, explanation] = WORDS[kind];
  return (
    <div className={`live-mark ${kind}`} role="status" title={explanation}>
      <span className="dot" aria-hidden="true" />
      {word}
      {kind === 'reconnecting' || kind === 'behind' ? <Since since={since} /> : null}
    </div>
  );
}

/** Its own component, so that a live page does not tick. Not read out each second. */
function Since({ since }: { since: number }) {
  const now = useNow();
  return <span aria-hidden="true"> {ticking(now - since)}</span>;
}
