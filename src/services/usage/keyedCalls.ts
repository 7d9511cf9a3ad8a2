// What a client's key and what is asked under it are known by: two hashes, made alike in every process.
import type { MeterCost, RequestCost } from '../../core/quota/cost.js';
import type { KeyedRequest } from '../../core/quota/remembered.js';
import { bookingKey } from './bookingKey.js';

/** What is consumed under a key. */
export interface KeyedConsumption extends RequestCost {
  /** The user that is metered with it. */
  readonly userId: string | undefined;
  /** API calls that are metered with it. */
  readonly apiCalls: number;
}

/** What is reserved under a key. */
export interface KeyedReservation extends RequestCost {
  readonly seconds: number;
  /** API calls that are metered with it. */
  readonly apiCalls: number;
}

/** A consumption that may be told again under its key. */
export const keyedConsumption = (idempotencyKey: string, asked: KeyedConsumption): KeyedRequest => ({
  key: keyOf(idempotencyKey),
  content: contentOf('consume', asked, asked.apiCalls, asked.userId ?? null),
  apiCalls: asked.apiCalls,
});

/** A reservation that may be asked for again under its key. */
export const keyedReservation = (idempotencyKey: string, asked: KeyedReservation): KeyedRequest => ({
  key: keyOf(idempotencyKey),
  content: contentOf('reserve', asked, asked.apiCalls, asked.seconds),
  apiCalls: asked.apiCalls,
});

/** One for consumptions and reservations: a key that was used for the one is no key for the other. */
const keyOf = (idempotencyKey: string): string => bookingKey('call', idempotencyKey).toString('hex');

/** Of everything but the tenant, under whom it is kept. */
function contentOf(kind: string, { cost, meterCosts }: RequestCost, ...others: readonly unknown[]): string {
  const amounts = meterCosts.map(({ meter, units }: MeterCost) => [meter, units] as const);
  // In whatever order a client names its meters.
  amounts.sort(([one], [other]) => (one < other ? -1 : 1));
  return bookingKey(kind, JSON.stringify([cost, amounts, ...others])).toString('hex');
}
