// Who may use a route: an app's own answer, in the two forms that apps have it in, as one middleware.
import type { ServerResponse } from 'node:http';
import { TallygateError } from '../http/faults.js';
import type { Handler, Next } from '../http/handler.js';
import { refuse } from '../http/respond.js';
import type { ResolvableRequest } from '../http/tenantOf.js';

/**
 * Either a function of the request alone that answers whether it may pass (only exactly `true` passes; otherwise 401), or a
 * middleware `(req, res, next)` that calls `next()` or answers itself. Which of the two it is, is told by its number of
 * parameters, as Express tells its error handlers: three or more are a middleware.
 */
export type Authenticate = { ask(req: ResolvableRequest, res: ServerResponse, next: Next): unknown }['ask'];

/**
 * Makes the middleware.
 * @throws TallygateError `invalid_configuration` where `authenticate` is no function: routes without authentication are never mounted
 */
export function authenticated(authenticate: Authenticate): Handler {
  if (typeof authenticate !== 'function') {
    const expected = 'expected (req) => boolean or a middleware (req, res, next)';
    throw new TallygateError('invalid_configuration', `authenticate: ${expected}, got ${typeof authenticate}`);
  }
  return authenticate.length >= 3 ? asMiddleware(authenticate) : asPredicate(authenticate);
}

/** Express 4 drops what an async middleware rejects with, and the request would hang. */
function asMiddleware(authenticate: Authenticate): Handler {
  return (req, res, next) => {
    const running = authenticate(req, res, next);
    if (running instanceof Promise) running.then(undefined, next);
  };
}

/** It gets the request alone: a middleware that hides its parameters then fails at once, instead of passing and being refused too. */
function asPredicate(authenticate: Authenticate): Handler {
  const ask = authenticate as (req: ResolvableRequest) => unknown;
  return (req, res, next) => {
    const answer = async (): Promise<unknown> => ask(req);
    answer().then((passes) => (passes === true ? next() : refuse(req, res, 'unauthenticated', MISSING)), next);
  };
}

const MISSING = 'A valid bearer token is required: Authorization: Bearer <token>.';
