// The Idempotency-Key of a request (draft-ietf-httpapi-idempotency-key-header): the name under which it is booked once.
import type { IncomingMessage } from 'node:http';
import { invalidRequest } from './faults.js';

const MOST_CHARACTERS = 255;

/**
 * The key as it was sent: with quotes, where the client writes it as the draft's structured string does, and without, where it
 * does not. They are two keys; a client that repeats a request sends the same bytes.
 * @throws TallygateError `invalid_request` where there is none, or it is too long
 */
export function requiredIdempotencyKey(req: IncomingMessage): string {
  // Node joins a header that was sent twice.
  const key = [req.headers['idempotency-key']].flat().join(', ').trim();
  if (key !== '' && key.length <= MOST_CHARACTERS) return key;
  const got = key === '' ? 'none' : `${key.length}`;
  const expected = `expected a key of 1 to ${MOST_CHARACTERS} characters that the same request is repeated with`;
  throw invalidRequest([{ location: 'header.idempotency-key', message: `${expected}, got ${got}` }]);
}
