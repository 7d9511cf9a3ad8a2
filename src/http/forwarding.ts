// Handlers that wait, for frameworks that do not wait for them: Express 4 drops what an async handler rejects with.
import type { ServerResponse } from 'node:http';
import type { Endpoint, MatchedRequest } from './handler.js';

/** Runs an async handler; what it rejects with goes to `next`. */
export function forwarding(handler: (req: MatchedRequest, res: ServerResponse) => Promise<void>): Endpoint {
  return (req, res, next) => {
    // Rejections only: what next() itself throws must not call it again.
    handler(req, res).then(undefined, next);
  };
}
