// Functions that an app gives (whose request, at which cost, whether to skip it) answer at once: a middleware that waited for each of them
// would make every request wait.
import { TallygateError } from '../core/errors.js';

/**
 * The value, where it is none that has to be waited for. An async function's promise would be read as an answer that it never gave; its
 * rejection is nobody's any more, and would end the process.
 * @throws TallygateError `invalid_configuration` for a promise: the fault is the app's, and is said to the app
 */
export function atOnce<T>(value: T, what: string): T {
  if (!(value instanceof Promise)) return value;
  value.catch(() => undefined);
  const hint = 'await it in a middleware before, and leave the answer on the request';
  throw new TallygateError('invalid_configuration', `${what} must be told at once, got a promise: ${hint}.`);
}
