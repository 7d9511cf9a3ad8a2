// Bearer tokens: whether a request carries the admin token. Scopes and tokens of their own come with the token store.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether a text is the token. Digests are compared, so that neither length nor content shows in the time it takes. */
function isToken(token: string): (sent: string) => boolean {
  const expected = digest(token);
  return (sent) => timingSafeEqual(digest(sent), expected);
}

/** Whether `Authorization: Bearer` carries `token`. */
export function bearerAuth(token: string): (req: IncomingMessage) => boolean {
  const matches = isToken(token);
  return (req) => {
    const sent = BEARER.exec(req.headers.authorization ?? '')?.[1];
    return sent !== undefined && matches(sent);
  };
}

/** The header in which a gateway sends its token. */
const GATEWAY_TOKEN = 'x-tallygate-token';

/**
 * The same for a gateway's question: `X-Tallygate-Token` holds the token alone and goes before `Authorization`, which a gateway
 * hands on as its client sent it, for the app behind.
 */
export function gatewayAuth(token: string): (req: IncomingMessage) => boolean {
  const matches = isToken(token);
  const asBearer = bearerAuth(token);
  return (req) => {
    const sent = req.headers[GATEWAY_TOKEN];
    return sent === undefined ? asBearer(req) : typeof sent === 'string' && matches(sent);
  };
}
