// Calls of the server's API, typed by its OpenAPI document. What fails throws a `Problem`, in words for people.

import createClient from 'openapi-fetch';
import type { ErrorCode, FieldError, JobSummary, Problem as ProblemDocument, paths } from './schema';

// `fetch` is looked up at each call, not kept: tests and browser tools replace it.
export const api = createClient<paths>({ baseUrl: '/', fetch: (request) => fetch(request) });

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
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
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
