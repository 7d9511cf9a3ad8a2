// Bearer tokens: whether a request carries the admin token. Scopes and tokens of their own come with the token store.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether `Authorization: Bearer` carries `token`. Digests are compared, so that neither length nor content shows in the time it takes. */
export function bearerAuth(token: string): (req: IncomingMessage) => boolean {
  const expected = digest(token);
  return (req) => {
    const sent = BEARER.exec(req.headers.authorization ?? '')?.[1];
    return sent !== undefined && timingSafeEqual(digest(sent), expected);
  };
}
