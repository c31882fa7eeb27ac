// How the node that answers hears of what the other nodes do.

import type { Bus, BusState } from '../api/schema';
import { ColorTag } from '../job/tags';
import { count, plural } from '../job/words';

const STATES: Record<BusState, [color: string, says: string]> = {
  alone: ['default', 'No other node lives: there is nothing to hear.'],
  live: ['green', 'What other nodes do is heard at once.'],
  lost: ['orange', 'The connection is lost and tried again: what other nodes do is seen within a second.'],
  deaf: [
    'orange',
    'It listens and does not hear itself, as behind a connection pooler: what other nodes do is seen within a second.',
  ],
  off: ['default', 'It was told not to listen: what other nodes do is seen within a second.'],
};

export function BusLine({ bus }: { bus: Bus }) {
  const [color, says] = STATES[bus.state];
  return (
    <p className="bus">
      <ColorTag color={color}>bus {bus.state}</ColorTag> {says}{' '}
      {bus.others > 0 ? (
        <span className="muted number">
          {plural(bus.others, 'other node')}, {count(bus.sent)} notices sent, {count(bus.heard)} heard.
        </span>
      ) : null}
    </p>
  );
}
