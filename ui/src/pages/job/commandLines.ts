// The same run as a line for a shell: with curl, and with StashHog's own command line.

import type { JobDetail, JobType } from '../../api/schema';

type Run = Pick<JobDetail, 'type' | 'params' | 'priority' | 'only_items' | 'retry_of'>;
type KnownType = Pick<JobType, 'params_schema' | 'priority'>;

export interface Lines {
  curl: string;
  cli: string;
}

/** `type` is undefined where this server does not have it. */
export function commandLines(job: Run, type: KnownType | undefined, server: string): Lines {
  // Its items can't be said as params.
  if (job.only_items && job.retry_of) return retryLines(job.retry_of, server);
  const params = changed(job.params, type);
  const priority = type && job.priority !== type.priority ? { priority: job.priority } : {};
  return {
    curl: curl(`${server}/api/jobs`, { type: job.type, params, ...priority }),
    cli: line('stashhog', 'run', job.type, ...flags(params, type), '--server', server),
  };
}

function retryLines(id: string, server: string): Lines {
  return {
    curl: curl(`${server}/api/jobs/${id}/retry`, { only_failed_items: true }),
    cli: line('stashhog', 'jobs', 'retry', id, '--only-failed-items', '--server', server),
  };
}

function curl(url: string, body: unknown): string {
  return line('curl', '-X', 'POST', url, '-H', 'Content-Type: application/json', '-d', JSON.stringify(body));
}

/** The params that are not what the type fills in anyway. */
function changed(params: Run['params'], type: KnownType | undefined): Run['params'] {
  const isDefault = ([name, value]: [string, unknown]) => {
    const filledIn = property(type, name)?.default;
    return filledIn !== undefined && JSON.stringify(filledIn) === JSON.stringify(value);
  };
  return Object.fromEntries(Object.entries(params).filter((entry) => !isDefault(entry)));
}

/** Flags that `run` itself has. A param of that name goes into `--params`. */
const TAKEN = new Set(
  'params reason detach json verbose help version server data-dir database-url media-root concurrency'.split(' '),
);

/** A flag for each plain value, and `--params` with the rest. */
function flags(params: Run['params'], type: KnownType | undefined): string[] {
  const words: string[] = [];
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    const flag = name.replaceAll('_', '-');
    if (TAKEN.has(flag) || !isPlain(property(type, name), value)) rest[name] = value;
    else if (value === true) words.push(`--${flag}`);
    // Joined, since a value may begin with a dash and a switch takes none otherwise.
    else if (value === false || String(value).startsWith('-')) words.push(`--${flag}=${value}`);
    else words.push(`--${flag}`, String(value));
  }
  if (Object.keys(rest).length > 0) words.push('--params', JSON.stringify(rest));
  return words;
}

/** Whether the value is written on a command line as it is: the schema says so, and it fits. */
function isPlain(schema: Property | undefined, value: unknown): boolean {
  const types = [schema?.type].flat().filter((word) => word !== 'null');
  const [only] = types;
  if (types.length !== 1) return false;
  if (only === 'integer' || only === 'number') return typeof value === 'number';
  return (only === 'string' || only === 'boolean') && typeof value === only;
}

interface Property {
  type?: string | string[];
  default?: unknown;
}

function property(type: KnownType | undefined, name: string): Property | undefined {
  const properties = type?.params_schema.properties as Record<string, Property> | undefined;
  return properties?.[name];
}

function line(...words: string[]): string {
  return words.map(quoted).join(' ');
}

/** A word as a POSIX shell reads it back. */
export function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
