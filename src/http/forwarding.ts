// Handlers that wait, for frameworks that do not wait for them: Express 4 drops what an async handler rejects with.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Next } from './handler.js';

/** Runs an async handler; what it rejects with goes to `next`. */
export function forwarding<Req extends IncomingMessage, Res extends ServerResponse>(
  handler: (req: Req, res: Res) => Promise<void>,
): (req: Req, res: Res, next: Next) => void {
  return (req, res, next) => {
    // Rejections only: what next() itself throws must not call it again.
    handler(req, res).then(undefined, next);
  };
}
