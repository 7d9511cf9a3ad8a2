// What an error of Redis says about the charge: certainly not made, or unknown. In doubt unknown: it is counted as unconfirmed.
import { hasCode, TallygateError } from '../../core/errors.js';

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

/** Codes of a server that is no master, or whose master is away: another one is, or will be. */
const NO_MASTER: ReadonlySet<string> = new Set(['MASTERDOWN', 'READONLY']);

/** Codes that are about one key. They say nothing of the others: the store has neither forgotten nor gone back. */
const ABOUT_ONE_KEY: ReadonlySet<string> = new Set(['BADCOUNTER', 'WRONGTYPE']);

/**
 * Whether the store itself may have forgotten, so that each tenant's floors are due again. Of what was not sent the connection's
 * generation tells: in a cluster one server that is away must not trouble the tenants of the others.
 */
export function mayHaveForgotten(error: unknown): boolean {
  if (hasCode(error, 'counter_store_unavailable')) return false;
  const code = replyCode(error);
  return code === undefined || !ABOUT_ONE_KEY.has(code);
}

/** First word of an error reply, such as `NOSCRIPT`; undefined where `error` is none. A lost connection has no such word. */
export const replyCode = (error: unknown): string | undefined =>
  error instanceof Error ? /^([A-Z]+)(?: |$)/.exec(error.message)?.[1] : undefined;

/** Whether it is the answer of a server that is no master. */
export const isNoMaster = (error: unknown): boolean => NO_MASTER.has(replyCode(error) ?? '');

/** Where another server of a cluster is named as the one that serves a slot. */
export interface Redirect {
  /** `MOVED`: from now on. `ASK`: for this one command, because the slot is being moved. */
  readonly kind: 'MOVED' | 'ASK';
  /** `host:port`, as the cluster announces it; without a host where the cluster does not know how it is reached. */
  readonly address: string;
}

/** The redirection that an error reply is, such as `MOVED 3999 127.0.0.1:6381`: the server ran nothing. */
export function redirectOf(error: unknown): Redirect | undefined {
  const match = error instanceof Error ? /^(MOVED|ASK) \d+ (\S*:\d+)$/.exec(error.message) : null;
  if (match === null) return undefined;
  return { kind: match[1] === 'ASK' ? 'ASK' : 'MOVED', address: match[2] as string };
}

/** An error that says that nothing was sent, or nothing was done. */
export const unavailable = (message: string, cause?: unknown): TallygateError =>
  new TallygateError('counter_store_unavailable', message, { cause });

/** The error that a charge rejects with. */
export function chargeError(cause: unknown): TallygateError {
  if (cause instanceof TallygateError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const code = replyCode(cause);
  return code !== undefined && NOTHING_CHARGED.has(code)
    ? unavailable(`Redis refused a charge: ${reason}`, cause)
    : new TallygateError('counter_store_timeout', `Redis: whether a charge was made is unknown: ${reason}`, { cause });
}

/** What went wrong, for a person. Node's AggregateError of a refused connection has no message, only a code. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.message !== '') return cause.message;
  return 'code' in cause ? String(cause.code) : cause.name;
}
