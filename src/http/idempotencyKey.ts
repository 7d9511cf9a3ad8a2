// The Idempotency-Key of a request (draft-ietf-httpapi-idempotency-key-header): the name under which it counts once.
import type { IncomingMessage } from 'node:http';
import { idempotencyKeyFault } from '../core/idempotencyKey.js';
import { invalidRequest } from './faults.js';
import { headerValues } from './headerValues.js';

const HEADER = 'idempotency-key';

/**
 * The key as it was sent: with quotes, where the client writes it as the draft's structured string does, and without, where it
 * does not. They are two keys; a client that repeats a request sends the same bytes. undefined: none was sent.
 * @throws TallygateError `invalid_request` where it is empty or too long, or two were sent
 */
export function idempotencyKeyOf(req: IncomingMessage): string | undefined {
  const [given, ...others] = headerValues(req, HEADER);
  if (given === undefined) return undefined;
  const key = given.trim();
  const message = others.length > 0 ? `expected one key, got ${1 + others.length}` : idempotencyKeyFault(key);
  if (message !== undefined) throw refused(message);
  return key;
}

/** The same where a key is required. */
export function requiredIdempotencyKey(req: IncomingMessage): string {
  const key = idempotencyKeyOf(req);
  if (key === undefined) throw refused(idempotencyKeyFault('') ?? 'expected a key');
  return key;
}

const refused = (message: string) => invalidRequest([{ location: `header.${HEADER}`, message }]);
