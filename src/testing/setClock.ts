// Lets the tests of an app move the process's wall clock: to the next minute, the next day, the end of a billing month.
import { TallygateError } from '../core/errors.js';
import { setWallClock } from '../ports/clock.js';

/** The last instant that a `Date` can name. */
const MAX_DATE_MS = 8.64e15;

/**
 * Makes Tallygate's clock in this process stand still at `ms` until it is set again; without an argument it follows the machine
 * again. Counters in the process and `usageMeter` without `tenantQuota` read this clock; Redis and PostgreSQL keep their own.
 *
 * @param ms Milliseconds since 1970, a whole number from 0 to 8.64e15, or undefined.
 * @throws TallygateError `invalid_request` for anything else.
 * @example
 * ```ts
 * setClock(Date.UTC(2026, 0, 31, 23, 59, 59));
 * // ... use up the day's quota, then let midnight pass:
 * setClock(Date.UTC(2026, 1, 1));
 * setClock(undefined); // in afterEach
 * ```
 */
export function setClock(ms?: number): void {
  if (ms !== undefined && !(Number.isSafeInteger(ms) && ms >= 0 && ms <= MAX_DATE_MS))
    throw new TallygateError('invalid_request', `setClock: expected whole milliseconds since 1970, got ${String(ms)}`);
  setWallClock(ms);
}
