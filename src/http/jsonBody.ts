// Reads a JSON body: bounded, of the right type, and whether an app's own parser was there before or not.
import type { IncomingMessage } from 'node:http';
import { invalidRequest, TallygateError } from './faults.js';

/** Most bytes of a body. */
export const MAX_BODY_BYTES = 65_536;

const JSON_TYPE = /^application\/(?:[a-z0-9.!#$&^_-]+\+)?json(?:\s*;.*)?$/i;

/**
 * The body's value. It is read once: an app's body parser that ran before has left its result in `req.body`.
 *
 * @param mostBytes 64 KiB unless told
 * @throws TallygateError `invalid_request` for another Content-Type, an encoding, or what is no JSON in UTF-8;
 * `payload_too_large` above `mostBytes`
 */
export async function readJsonBody(
  req: IncomingMessage & { body?: unknown },
  mostBytes: number = MAX_BODY_BYTES,
): Promise<unknown> {
  const contentType = req.headers['content-type'];
  if (contentType === undefined || !JSON_TYPE.test(contentType)) {
    const got = contentType === undefined ? 'none' : JSON.stringify(contentType.slice(0, 80));
    throw invalidRequest([{ location: 'header.content-type', message: `expected application/json, got ${got}` }]);
  }
  requirePlain(req, mostBytes);
  if (req.readableEnded && typeof req.body === 'object') return req.body;
  return parsedJson(await readBytes(req, mostBytes));
}

/** The body as it was sent, whatever its type. Throws as `readJsonBody`. */
export async function readBody(req: IncomingMessage, mostBytes: number = MAX_BODY_BYTES): Promise<Buffer> {
  requirePlain(req, mostBytes);
  return readBytes(req, mostBytes);
}

/** What the headers say already. */
function requirePlain(req: IncomingMessage, mostBytes: number): void {
  const encoding = req.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw invalidRequest([{ location: 'header.content-encoding', message: 'expected a body without encoding' }]);
  if (Number(req.headers['content-length']) > mostBytes) throw tooLarge(mostBytes);
}

const tooLarge = (mostBytes: number): TallygateError =>
  new TallygateError('payload_too_large', `The body has more than ${mostBytes} bytes.`);

/** The value of a body. @throws TallygateError `invalid_request` where it is no JSON in UTF-8 */
export function parsedJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // TypeError: no UTF-8.
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    const got = bytes.length === 0 ? 'an empty body' : `something else, of length ${bytes.length}`;
    throw invalidRequest([{ location: 'body', message: `expected JSON in UTF-8, got ${got}` }]);
  }
}

/** Not by `for await`: leaving that loop early destroys the connection, and the client would never see the 413. */
function readBytes(req: IncomingMessage, mostBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > mostBytes) settle(() => reject(tooLarge(mostBytes)));
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onGone = (): void =>
      settle(() => reject(invalidRequest([{ location: 'body', message: 'expected a whole body, got a part of it' }])));
    function settle(outcome: () => void): void {
      req.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
      // The rest is read and dropped, as Node does after a response; the server's request timeout bounds it.
      req.resume();
      outcome();
    }
    req.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
    if (req.readableEnded || req.destroyed) onEnd();
  });
}
