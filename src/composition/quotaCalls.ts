// Quotas as an app asks for them outside of requests: jobs, queues, sockets. Ids and numbers are checked here, since no route did.
import { type Fault, invalidRequest } from '../core/errors.js';
import { idempotencyKeyFault } from '../core/idempotencyKey.js';
import type { Meters } from '../core/meter.js';
import type { RequestCost } from '../core/quota/cost.js';
import type { Decision } from '../core/quota/decision.js';
import { isCount } from '../core/quota/limit.js';
import { type Cost, type ReadCost, readCost, readEstimate } from '../core/quota/readCost.js';
import {
  DEFAULT_RESERVATION_SECONDS,
  MAX_RESERVATION_SECONDS,
  type ReservationOutcome,
} from '../services/admission/reservations.js';
import { keyedConsumption, keyedReservation } from '../services/usage/keyedCalls.js';
import { checkedTenant, type Id, opened } from './callerInput.js';
import type { Composition } from './compose.js';

/** Quotas, for what is no HTTP request. */
export interface QuotaCalls {
  /**
   * Decides and charges, as `tenantQuota` does: the quota is charged, no API call is metered.
   * @param options.cost whole units from 0 to 2^53-1, or amounts by meter. Default 1
   * @param options.idempotencyKey 1 to 255 characters that the same call is repeated with, in whichever process: for ten minutes an
   *   admission answers its repeats, which charge nothing, and for 35 days it is billed once. A denial is decided anew
   * @returns the decision; a denial is a value
   * @throws TallygateError `invalid_request`, `idempotency_conflict` where something else was admitted under the key
   * @example
   * const decision = await tallygate.quota.consume('acme', { cost: { units: 1, tokens: 500 } });
   * if (!decision.allowed) return retryLater(decision);
   */
  consume(tenantId: Id, options?: { readonly cost?: Cost; readonly idempotencyKey?: string }): Promise<Decision>;
  /**
   * Charges an estimate for work whose cost is known only afterwards, and holds it until it is committed or released.
   * @param options.estimate whole units from 1 to 2^53-1, or amounts by meter
   * @param options.ttlSeconds how long it can be committed: whole, 1 to 86,400. Default 300
   * @param options.idempotencyKey as of `consume`: a repeat is given the reservation that was made first
   * @returns what was decided; a denial is a value, without a reservation
   * @throws TallygateError `invalid_request`, `idempotency_conflict`
   * @example
   * const reservation = await tallygate.quota.reserve('acme', { estimate: 2000 });
   * if (!reservation.allowed) return retryLater(reservation.decision);
   * try {
   *   await reservation.commit(await generate(prompt));
   * } catch (error) {
   *   await reservation.release();
   *   throw error;
   * }
   */
  reserve(tenantId: Id, options: ReservationOptions): Promise<Reservation>;
  /** Commits a reservation by its id, in whichever process. As {@link Reservation.commit}. */
  commit(reservationId: string, actual: Cost): Promise<ReservationOutcome>;
  /** Takes a reservation back by its id, in whichever process. As {@link Reservation.release}. */
  release(reservationId: string): Promise<ReservationOutcome>;
  /** Where the tenant's limits stand. Charges nothing, creates nothing. Throws as `consume`. */
  peek(tenantId: Id): Promise<Decision>;
  /**
   * Lets what the tenant used count as 0 from now on, in every window, in every process within a second.
   * @param reset.reason why, for those who ask later; 1 to 500 characters
   * @param reset.author who; 1 to 256 characters. Default `app`
   * @throws TallygateError `invalid_request`, `tenant_not_found`, `ledger_unavailable`, `not_ready`
   * @example
   * await tallygate.quota.reset('acme', { reason: 'our outage of Monday' });
   */
  reset(tenantId: Id, reset: { readonly reason: string; readonly author?: string }): Promise<void>;
}

/** What is reserved: see {@link QuotaCalls.reserve}. */
export interface ReservationOptions {
  readonly estimate: Cost;
  readonly ttlSeconds?: number;
  readonly idempotencyKey?: string;
}

/** A reservation, or the denial of one. */
export interface Reservation {
  readonly allowed: boolean;
  readonly decision: Decision;
  /** For a commit in another process; undefined where it was refused. */
  readonly id: string | undefined;
  readonly expiresAt: Date;
  /**
   * Corrects the estimate to what it was, above it too, and meters it, once. The same amount again changes nothing.
   * @param actual whole units from 0 to 2^53-1, or amounts by meter, also such as were not estimated
   * @returns `committed`; `expired` or `unknown` where it came too late: it is metered all the same and nothing is given back;
   *   `unconfirmed` where the counters did not answer: likewise; `other_amount`, `already_released`: nothing changed
   * @throws TallygateError `invalid_request`
   */
  commit(actual: Cost): Promise<ReservationOutcome>;
  /** Gives the estimate back. Again: nothing changes. `unconfirmed`: the counters did not answer, call it again. */
  release(): Promise<ReservationOutcome>;
}

/** See {@link QuotaCalls}. */
export function quotaCalls({ admission, decide, quotaService, reservations }: Composition, meters: Meters): QuotaCalls {
  // A process that only commits has no request that would start it. What did not answer by then the reservations do without, but
  // for the settings.
  const started = () => admission.whenOpen();
  const commit = async (reservationId: string, given: Cost) => {
    const actual = checked(readCost(given, meters, 'actual'));
    const id = checkedReservation(reservationId);
    await started();
    return reservations.commit(id, actual);
  };
  const release = async (reservationId: string) => {
    const id = checkedReservation(reservationId);
    await started();
    return reservations.release(id);
  };
  return {
    commit,
    release,
    reserve: async (tenantId, options) => {
      const { estimate, seconds, key } = checkedEstimate(options, meters);
      const keyed = key === undefined ? undefined : keyedReservation(key, { ...estimate, seconds, apiCalls: 0 });
      const reserved = await reservations.reserve(checkedTenant(tenantId), estimate, seconds, keyed);
      const { decision, id, expiresAtMs } = reserved;
      const end = (finish: (reservationId: string) => Promise<ReservationOutcome>) =>
        id === undefined ? Promise.resolve('unknown' as const) : finish(id);
      return {
        ...{ allowed: decision.allowed, decision, id, expiresAt: new Date(expiresAtMs) },
        commit: (actual) => end((reservationId) => commit(reservationId, actual)),
        release: () => end(release),
      };
    },
    consume: async (tenantId, options = {}) => {
      const id = checkedTenant(tenantId);
      const asked = checkedCost(options, meters);
      const key = checkedKey(options.idempotencyKey);
      const keyed = key === undefined ? undefined : keyedConsumption(key, { ...asked, userId: undefined, apiCalls: 0 });
      return decide(id, asked.cost, { meterCosts: asked.meterCosts, keyed });
    },
    peek: async (tenantId) => admission.look(checkedTenant(tenantId)),
    reset: async (tenantId, reset) => {
      const id = checkedTenant(tenantId);
      await opened(admission);
      // From JavaScript anything may come, nothing too: the service says what is missing.
      await quotaService.reset(id, { author: 'app', ...reset });
    },
  };
}

/** The cost that was meant: of `consume(id, 5)`, or of `{ costs: 5 }`, it would be the 1 that is charged where none is said. */
function checkedCost(options: { readonly cost?: Cost }, meters: Meters): RequestCost {
  // From JavaScript anything may come.
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    throw invalidRequest([
      { location: 'options', message: `expected an object such as { cost: 5 }, got ${String(given)}` },
    ]);
  }
  const unknown = Object.keys(given).filter((name) => name !== 'cost' && name !== 'idempotencyKey');
  if (unknown.length > 0) {
    const message = 'unknown: expected cost or idempotencyKey';
    throw invalidRequest(unknown.map((name) => ({ location: name, message })));
  }
  return checked(readCost(options.cost ?? 1, meters, 'cost'));
}

/** @throws TallygateError `invalid_request` */
function checked({ faults, ...cost }: ReadCost): RequestCost {
  if (faults.length > 0) throw invalidRequest(faults);
  return cost;
}

/** @throws TallygateError `invalid_request` */
function checkedKey(key: unknown): string | undefined {
  if (key === undefined) return undefined;
  const fault = typeof key === 'string' ? idempotencyKeyFault(key) : `expected a text, got ${typeof key}`;
  if (fault !== undefined) throw invalidRequest([{ location: 'idempotencyKey', message: fault }]);
  return String(key);
}

function checkedReservation(reservationId: unknown): string {
  if (typeof reservationId === 'string') return reservationId;
  const message = `expected the id of a reservation, a text, got ${typeof reservationId}`;
  throw invalidRequest([{ location: 'reservationId', message }]);
}

function checkedEstimate(options: ReservationOptions, meters: Meters) {
  // From JavaScript anything may come.
  const { estimate: given, ttlSeconds: seconds = DEFAULT_RESERVATION_SECONDS, idempotencyKey } = options ?? {};
  const { faults, ...estimate } = readEstimate(given, meters, 'estimate');
  const all: Fault[] = [...faults];
  if (!isCount(seconds) || seconds === 0 || seconds > MAX_RESERVATION_SECONDS) {
    const message = `expected a whole number from 1 to ${MAX_RESERVATION_SECONDS}, got ${seconds}`;
    all.push({ location: 'ttlSeconds', message });
  }
  if (all.length > 0) throw invalidRequest(all);
  return { estimate, seconds, key: checkedKey(idempotencyKey) };
}
