// Refusals as the rooms above HTTP make them: what was wrong with a request, and where it stood.
import { type Fault, hasCode, invalidRequest } from '../core/errors.js';

export { configurationFault, type Fault, invalidRequest, TallygateError, tenantNotFound } from '../core/errors.js';

/** The same refusal with each location below `parent`: a service knows the field `limits.day`, the client sent `body.limits.day`. */
export function locatedBelow(parent: string, error: unknown): unknown {
  if (!hasCode(error, 'invalid_request')) return error;
  return invalidRequest(error.faults.map((one: Fault) => ({ ...one, location: `${parent}.${one.location}` })));
}

/** Whether an error is about this request or this moment: then the client is told, and the app's error handler is not bothered. */
export const isForClient = (error: unknown): boolean => hasCode(error, 'invalid_request', 'not_ready', 'closed');
