// What an error of Redis says about the charge: certainly not made, or unknown. In doubt unknown: it is counted as unconfirmed.
import { TallygateError } from '../../core/errors.js';

/**
 * Codes of error replies after which nothing was charged: the server refused the command before the script ran, or refused
 * the script's first read or its one HSET. Not among them: ERR and NOPERM, which may also come from what follows HSET.
 */
const NOTHING_CHARGED: ReadonlySet<string> = new Set([
  'ASK',
  'BADCOUNTER',
  'BUSY',
  'CLUSTERDOWN',
  'CROSSSLOT',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'MOVED',
  'NOAUTH',
  'NOREPLICAS',
  'NOSCRIPT',
  'OOM',
  'READONLY',
  'TRYAGAIN',
  'WRONGTYPE',
]);

/** Codes that are about one key. They say nothing of the others: the store has neither forgotten nor gone back. */
const ABOUT_ONE_KEY: ReadonlySet<string> = new Set(['BADCOUNTER', 'WRONGTYPE']);

/** Whether the store itself may have forgotten, so that each tenant's floors are due again. */
export function mayHaveForgotten(error: unknown): boolean {
  const code = replyCode(error);
  return code === undefined || !ABOUT_ONE_KEY.has(code);
}

/** First word of an error reply, such as `NOSCRIPT`; undefined where `error` is none. A lost connection has no such word. */
export const replyCode = (error: unknown): string | undefined =>
  error instanceof Error ? /^([A-Z]+)(?: |$)/.exec(error.message)?.[1] : undefined;

/** The error that a charge rejects with. */
export function chargeError(cause: unknown): TallygateError {
  if (cause instanceof TallygateError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const code = replyCode(cause);
  return code !== undefined && NOTHING_CHARGED.has(code)
    ? new TallygateError('counter_store_unavailable', `Redis refused a charge: ${reason}`, { cause })
    : new TallygateError('counter_store_timeout', `Redis: whether a charge was made is unknown: ${reason}`, { cause });
}
