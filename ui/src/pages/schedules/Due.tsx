// A due time, on the clock of whoever looks and, where that is another, on the schedule's own.

import { relative, ticking } from '../../job/words';
import { useNow } from '../../live/now';
import { HERE, isHere, timeIn, timeThere } from './zones';

export function Due({ at, zone }: { at: string; zone: string }) {
  const now = useNow();
  const due = Date.parse(at);
  const there = isHere(zone) ? undefined : timeThere(zone, at);
  // From a week on, `relative` is the day, which is said anyway.
  const soon = due - now < 7 * 86_400_000;
  return (
    <span className="due">
      <time dateTime={at} className="number">
        {timeIn(HERE, at, now)}
      </time>
      {soon ? <span className="muted number"> {soonInWords(due, now)}</span> : null}
      {there ? (
        <span className="muted number">
          {' '}
          ({there} in {zone})
        </span>
      ) : null}
    </span>
  );
}

/** `in 3 s`, also where others would say that it is just now. */
function soonInWords(due: number, now: number): string {
  if (due <= now) return 'due';
  return due - now < 60_000 ? `in ${ticking(due - now)}` : relative(due, now);
}

/** The next of the foretold times that is still to come; the last of them when none is. */
export function NextRun({ times, zone }: { times: readonly string[]; zone: string }) {
  const now = useNow();
  const next = times.find((at) => Date.parse(at) > now) ?? times.at(-1);
  return next ? <Due at={next} zone={zone} /> : <span className="muted">not due</span>;
}
