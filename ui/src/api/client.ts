// Calls of the server's API, typed by its OpenAPI document. What fails throws a `Problem`, in words for people.

import createClient from 'openapi-fetch';
import type { ErrorCode, FieldError, JobSummary, Problem as ProblemDocument, paths } from './schema';

export const api = createClient<paths>({ baseUrl: '/', fetch: send });

/** Idempotency keys of writes whose outcome is unknown, by what was asked. */
const unanswered = new Map<string, string>();

/**
 * Sends a request. Each write carries an idempotency key. When its answer is lost and the same is asked again, the key is the
 * same, too: the server then does it once.
 */
async function send(request: Request): Promise<Response> {
  // `fetch` is looked up at each call, not kept: tests and browser tools replace it.
  if (request.method === 'GET') return fetch(request);
  const asked = `${request.method} ${request.url} ${await request.clone().text()}`;
  const key = unanswered.get(asked) ?? randomKey();
  unanswered.set(asked, key);
  request.headers.set('Idempotency-Key', key);
  try {
    const response = await fetch(request);
    // `Retry-After` comes with a 409 while the first request is under way.
    if (response.status < 500 && !response.headers.has('Retry-After')) unanswered.delete(asked);
    return response;
  } catch (cause) {
    // Nobody waits for its answer: asked again, it is a new question.
    if (isAbort(cause)) unanswered.delete(asked);
    throw cause;
  }
}

/** `crypto.randomUUID` exists only where a page came by TLS or from this machine. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}

/** Why a call failed. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    /** `unreachable` when there was no answer, `unknown` when the answer was none of ours. */
    readonly code: ErrorCode | 'unreachable' | 'unknown',
    message: string,
    /** Fields of the body that are wrong, by JSON pointer. */
    readonly errors: FieldError[] = [],
    /** The job that stands in the way. */
    readonly job: JobSummary | undefined = undefined,
  ) {
    super(message);
  }
}

/** Whether a write was refused because somebody else had changed the thing since it was read. */
export function isChanged(error: unknown): boolean {
  return error instanceof Problem && error.code === 'precondition_failed';
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What a call brought. Throws a `Problem` when it brought none. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (cause) {
    if (isAbort(cause)) throw cause;
    throw new Problem('unreachable', 'the server does not answer; is it running?');
  }
  if (answer.response.ok) return answer.data as T;
  const document = answer.error as Partial<ProblemDocument> | undefined;
  if (document && typeof document === 'object' && document.code) {
    const parameters = (document.parameters ?? []).map((bad) => `${bad.parameter}: ${bad.message}`);
    const message = [document.detail ?? document.title ?? document.code, ...parameters].join('; ');
    throw new Problem(document.code, message, document.errors, document.job);
  }
  throw new Problem('unknown', `the server answered ${answer.response.status} ${answer.response.statusText}`.trim());
}
