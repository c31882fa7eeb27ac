// Time zones by their IANA names, and moments on their clocks.

/** That of whoever looks. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** All that this browser knows, and one more, by name. */
export function zones(more: string): string[] {
  return [...new Set(['UTC', HERE, more, ...Intl.supportedValuesOf('timeZone')])].filter(Boolean).sort();
}

/** Whether its clocks are those of whoever looks, under whatever name. */
export function isHere(zone: string, here = HERE): boolean {
  return canonical(zone) === canonical(here);
}

/** The one name of a zone that has several; one that the browser does not know stays as it is. */
function canonical(zone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return zone;
  }
}

/**
 * `02:30`, or on another day than at `now`, `Mon, 2026-11-30 02:30`; with seconds where there are any. Undefined in a zone that the
 * browser does not know.
 */
export function timeIn(zone: string, at: string, now: number): string | undefined {
  return told(zone, at, parts(HERE, now));
}

/** The same moment in another zone than the viewer's: the day is said where it is another there. */
export function timeThere(zone: string, at: string): string | undefined {
  return told(zone, at, parts(HERE, Date.parse(at)));
}

function told(zone: string, at: string, today: Parts): string | undefined {
  try {
    const then = parts(zone, Date.parse(at));
    const time = `${then.hour}:${then.minute}${then.second === '00' ? '' : `:${then.second}`}`;
    return day(then) === day(today) ? time : `${then.weekday}, ${day(then)} ${time}`;
  } catch {
    return undefined;
  }
}

type Parts = Partial<Record<Intl.DateTimeFormatPartTypes, string>>;

const formats = new Map<string, Intl.DateTimeFormat>();

function parts(zone: string, at: number): Parts {
  let format = formats.get(zone);
  if (!format) {
    const two = '2-digit';
    const fields = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const;
    format = new Intl.DateTimeFormat('en', { timeZone: zone, weekday: 'short', hourCycle: 'h23', ...fields });
    formats.set(zone, format);
  }
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
}

function day({ year, month, day }: Parts): string {
  return `${year}-${month}-${day}`;
}
