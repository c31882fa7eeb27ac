// When a schedule is due: its cron line in words, the line itself, and the zone where it is another than the viewer's.

import type { Schedule } from '../../api/schema';
import { isHere } from './zones';

export function Timing({ schedule: { cron, cron_words, time_zone } }: { schedule: Schedule }) {
  return (
    <span className="timing">
      {cron_words ?? 'Its cron line is not understood'} {cron_words?.endsWith(cron) ? null : <code>{cron}</code>}
      {isHere(time_zone) ? null : <span className="muted"> {time_zone}</span>}
    </span>
  );
}
