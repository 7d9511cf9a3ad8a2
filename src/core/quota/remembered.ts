// What a client's key stands for: a request that may be told again. Once admitted it is remembered for a while, so that the same request
// again is answered by that admission and charges nothing. A denial is not remembered: the next try is decided anew.
import { TallygateError } from '../errors.js';

/** How long an admission is remembered, in milliseconds: ten minutes. */
export const REMEMBER_MS = 600_000;

/** Under what an admission is remembered. */
export interface Remember {
  /** 16 bytes in hex: the hash of the client's key. Unique within the tenant. */
  readonly key: string;
  /** 16 bytes in hex: the hash of what is asked for. The same key with another one is a conflict. */
  readonly content: string;
  /** Which of the request's windows is the day: its start says which date the admission belongs to. undefined: none of them. */
  readonly day: number | undefined;
}

/** An admission as a store remembers it: what it was charged to, so that whoever answers a repeat can book it as the first would have. */
export interface RememberedAdmission {
  readonly content: string;
  /** By the store's clock, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly resetNumber: number;
  /** Start of the day that was charged; undefined where none was sent. */
  readonly dayStart: number | undefined;
  /** The reservation that was made; undefined: it was none. */
  readonly reservation: RememberedReservation | undefined;
  /** Limited windows that refuse nothing, as they stood before it: they say what was above a soft limit. */
  readonly passing: readonly PassingWindow[];
}

/** A reservation that was made under a key. */
export interface RememberedReservation {
  readonly id: string;
  readonly expiresAtMs: number;
}

/** Where a window stood. */
export interface PassingWindow {
  readonly field: string;
  readonly used: number;
}

/** A request under its client's key, as it comes to be decided. */
export interface KeyedRequest extends Omit<Remember, 'day'> {
  /** API calls that it is metered as once it is admitted: booked under the key, with its units. */
  readonly apiCalls: number;
}

/** How the decision about such a request is booked: once by its key, whoever tells it again. */
export interface KeyedBooking {
  /** As {@link Remember.key}. */
  readonly key: string;
  readonly apiCalls: number;
  /** The admission that answers it, where there was one before; undefined: it was decided now. */
  readonly first: RememberedAdmission | undefined;
}

/** How a request under a key is booked. @param first the admission that answers it */
export const keyedBooking = ({ key, apiCalls }: KeyedRequest, first?: RememberedAdmission): KeyedBooking => ({
  key,
  apiCalls,
  first,
});

/** How a store is to remember a request under a key. @param day which of its windows is the day */
export const rememberOf = (keyed: KeyedRequest | undefined, day: number | undefined): Remember | undefined =>
  keyed === undefined ? undefined : { key: keyed.key, content: keyed.content, day };

/** Something else was admitted under a request's key. */
export const keyConflict = (): TallygateError =>
  new TallygateError('idempotency_conflict', 'Another request was admitted under this key: it stands.');
