import type { ErrorCode } from '../base/errors.js';

/** What is sent back: a status, headers by lower-case name, and a text. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request that is turned away before GraphQL sees it, with the status and headers that say so. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.headers = headers;
  }
}

/** The JSON body of an error that is not an answer to a field: one error with its code. */
export function errorBody(message: string, code: ErrorCode = 'BAD_REQUEST'): string {
  return `${JSON.stringify({ errors: [{ message, extensions: { code } }] })}\n`;
}

/** A refusal as it is sent. */
export function toReply(refusal: Refusal): Reply {
  return { status: refusal.status, headers: refusal.headers, body: errorBody(refusal.message) };
}

/** The answer where there is no room for another subscriber. */
export function overloaded(): Reply {
  const message = 'The gateway has as many subscribers as it can serve.';
  return { status: 503, headers: { 'retry-after': '5' }, body: errorBody(message, 'OVERLOADED') };
}
