// Who may use a route: an app's own answer, in the two forms that apps have it in, as one middleware.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TallygateError } from '../http/faults.js';
import type { Handler, Next } from '../http/handler.js';
import { refuse } from '../http/respond.js';
import type { ResolvableRequest } from '../http/tenantOf.js';

// Methods' types, so that functions of an app's own request type fit.
type Predicate = { ask(req: ResolvableRequest): boolean | Promise<boolean> }['ask'];
type Middleware = { run(req: ResolvableRequest, res: ServerResponse, next: Next): unknown }['run'];

/**
 * Either a function of the request alone that answers whether it may pass (only exactly `true` passes; otherwise 401), or a
 * middleware `(req, res, next)` that calls `next()` or answers itself. Which of the two it is, is told by its number of
 * parameters, as Express tells its error handlers: three or more are a middleware.
 */
export type Authenticate = Predicate | Middleware;

/**
 * Makes the middleware.
 * @throws TallygateError `invalid_configuration` where `authenticate` is no function: routes without authentication are never mounted
 */
export function authenticated(authenticate: Authenticate): Handler {
  if (typeof authenticate !== 'function') {
    const expected = 'expected (req) => boolean or a middleware (req, res, next)';
    throw new TallygateError('invalid_configuration', `authenticate: ${expected}, got ${typeof authenticate}`);
  }
  if (authenticate.length >= 3) return (req, res, next) => (authenticate as Middleware)(req, res, next);
  return (req, res, next) => {
    ask(authenticate as Predicate, req).then(
      (passes) => (passes === true ? next() : refuse(req, res, 'unauthenticated', MISSING)),
      next,
    );
  };
}

const MISSING = 'A valid bearer token is required: Authorization: Bearer <token>.';

const ask = async (predicate: Predicate, req: IncomingMessage): Promise<boolean> => predicate(req);
