// A job in words, as the command line has them: how far it is, how long it took.

import type { JobSummary, Unit } from '../api/schema';

const NUMBER = new Intl.NumberFormat('en');

export function count(n: number): string {
  return NUMBER.format(n);
}

/** `1 error`, `12 errors`. */
export function plural(n: number, singular: string, several = `${singular}s`): string {
  return `${count(n)} ${n === 1 ? singular : several}`;
}

const ITEMS: Unit = { singular: 'item', plural: 'items' };

type Counted = Pick<JobSummary, 'processed_items' | 'total_items' | 'progress'>;

/** How far a job is: `15 / 30 scenes`, or `50%` when it does not count. */
export function amount(job: Counted, unit: Unit = ITEMS): string {
  const { processed_items: done, total_items: total } = job;
  if (typeof done !== 'number' || typeof total !== 'number' || total === 0) return `${Math.floor(job.progress)}%`;
  return `${count(done)} / ${count(total)} ${total === 1 ? unit.singular : unit.plural}`;
}

/** How many a second, or a minute, or an hour where that is easier to read: `12.3 files/s`, `5 scenes/min`. */
export function pace(perSecond: number, unit: Unit = ITEMS): string {
  const [per, rate] =
    perSecond >= 1 ? ['s', perSecond] : perSecond >= 1 / 60 ? ['min', perSecond * 60] : ['h', perSecond * 3_600];
  const shown = rate < 9.95 ? NUMBER.format(Math.round(rate * 10) / 10) : count(Math.round(rate));
  return `${shown} ${shown === '1' ? unit.singular : unit.plural}/${per}`;
}

/** A time span: `320 ms`, `4.2 s`, `3 min 05 s`, `2 h 14 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(seconds / 3_600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A time span that ticks once a second: whole seconds. */
export function ticking(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
}

/** `just now`, `5 min ago`, `in 3 h`, or the date when that is far. */
export function relative(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1_000);
  const span = Math.abs(seconds);
  const tell = (amount: string) => (seconds >= 0 ? `${amount} ago` : `in ${amount}`);
  if (span < 5) return 'just now';
  if (span < 60) return tell(`${span} s`);
  if (span < 3_600) return tell(`${Math.floor(span / 60)} min`);
  if (span < 24 * 3_600) return tell(`${Math.floor(span / 3_600)} h`);
  if (span < 7 * 24 * 3_600) return tell(`${Math.floor(span / (24 * 3_600))} d`);
  return date(at);
}

/** `2026-11-24`, in the viewer's time zone. */
export function date(at: number): string {
  const day = new Date(at);
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** `14:03:09`, in the viewer's time zone. */
export function clock(at: number): string {
  const time = new Date(at);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** Milliseconds from the start of the job's newest attempt to its end, or to now; undefined before it started. */
export function elapsed(job: Pick<JobSummary, 'started_at' | 'completed_at'>, now: number): number | undefined {
  if (!job.started_at) return undefined;
  const end = job.completed_at ? Date.parse(job.completed_at) : now;
  return Math.max(0, end - Date.parse(job.started_at));
}

/** Who did something, for people: `job:ID` and `schedule:NAME` are how the server writes those. */
export function byWhom(actor: string): string {
  if (actor.startsWith('job:')) return `job …${actor.slice(-8)}`;
  return actor.replace(/^schedule:/, 'schedule ');
}

/** With a capital, as a sentence begins. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
