// One id a request: the client's, where it is sane, else a fresh one. It is in every problem and every log line.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

// Bounded and free of blanks and quotes, so that it can stand in a header, a log line and a shell without care.
const SANE_ID = /^[A-Za-z0-9._:/+=@~-]{1,128}$/;

const ID = Symbol('tallygate request id');

interface IdentifiedRequest extends IncomingMessage {
  [ID]?: string;
  /** Set by many request-id middlewares, pino-http's for one. */
  id?: unknown;
}

/** The request's id: what an app's own middleware put into `req.id`, else a sane `X-Request-Id`, else a random UUID. Always the same for one request. */
export function requestIdOf(req: IdentifiedRequest): string {
  req[ID] ??= sane(req.id) ?? sane(req.headers['x-request-id']) ?? randomUUID();
  return req[ID];
}

const sane = (value: unknown): string | undefined =>
  typeof value === 'string' && SANE_ID.test(value) ? value : undefined;
