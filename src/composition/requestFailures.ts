// What the log says of requests that failed. A fault of ours is told each time, with the id that the client was given. That a store
// does not answer fails every request that needs it: told now and then, since the first line says all that the thousandth would.
import { hasCode } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';

interface Failure {
  readonly err: unknown;
  readonly requestId: string;
}

/** Told of each error that is answered by a status from 500 on. */
export function requestFailureLog(clock: Clock, log: Log): (error: unknown, requestId: string) => void {
  const tellOutage = outageNotice(
    clock,
    ({ err }: Failure) => (hasCode(err, ...OUTAGES) ? err.code : ''),
    (failure, leftOut) => log.error({ ...failure, leftOut }, 'Requests fail, as something does not answer.'),
  );
  return (err, requestId) => {
    if (hasCode(err, ...OUTAGES)) tellOutage({ err, requestId });
    else log.error({ err, requestId }, 'A request failed.');
  };
}

const OUTAGES = [
  'ledger_unavailable',
  'counter_store_unavailable',
  'counter_store_timeout',
  'migrations_pending',
  'not_ready',
  'closed',
] as const;

/** Told of what an app's own function threw: it throws with each request, and says the same. */
export function appFailureLog(clock: Clock, log: Log): (message: string, error: unknown) => void {
  const tell = outageNotice(
    clock,
    ({ message }: { readonly message: string; readonly err: unknown }) => message,
    ({ message, err }, leftOut) => log.warn({ err, leftOut }, message),
  );
  return (message, err) => tell({ message, err });
}
