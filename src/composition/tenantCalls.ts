// What an app calls outside of requests: jobs, queues, sockets. Ids and numbers are checked here, since no route did.
import { type Fault, invalidRequest, TallygateError } from '../core/errors.js';
import type { Decision } from '../core/quota/decision.js';
import { isCount, MAX_COUNT } from '../core/quota/limit.js';
import { resolveId, tenantIdFault, userIdFault } from '../core/tenantId.js';
import { dateAt } from '../core/time/calendar.js';
import { type UsagePeriod, usagePeriodFaults } from '../core/usage/usagePeriod.js';
import type { UsageReport } from '../core/usage/usageReport.js';
import {
  DEFAULT_RESERVATION_SECONDS,
  MAX_RESERVATION_SECONDS,
  type ReservationOutcome,
} from '../services/admission/reservations.js';
import { isWithinReach } from '../services/metering/usageRecorder.js';
import type { Composition } from './compose.js';

/** A tenant's or user's id as an app holds it: text, a safe integer, or a bigint (the last two as their decimal text). */
export type Id = string | number | bigint;

/** What a tenant used. At least one of the amounts. */
export interface UsageIncrements {
  /** API calls to add: whole, from 0 to 2^53-1. */
  readonly apiCalls?: number;
  /** A user to count as active. */
  readonly user?: Id;
  /** The tenant's storage from then on, in whole bytes from 0 to 2^53-1. */
  readonly storageBytes?: number;
  /**
   * When it happened: at most 35 days back and 5 minutes ahead.
   * @defaultValue now
   */
  readonly at?: Date;
}

/** Quotas, for what is no HTTP request. */
export interface QuotaCalls {
  /**
   * Decides and charges, as `tenantQuota` does: the quota is charged, no API call is metered.
   * @param options.cost whole units from 0 to 2^53-1. Default 1
   * @returns the decision; a denial is a value
   * @throws TallygateError `invalid_request`
   * @example
   * const decision = await tallygate.quota.consume('acme', { cost: 5 });
   * if (!decision.allowed) return retryLater(decision);
   */
  consume(tenantId: Id, options?: { readonly cost?: number }): Promise<Decision>;
  /**
   * Charges an estimate for work whose cost is known only afterwards, and holds it until it is committed or released.
   * @param options.estimate whole units from 1 to 2^53-1
   * @param options.ttlSeconds how long it can be committed: whole, 1 to 86,400. Default 300
   * @returns what was decided; a denial is a value, without a reservation
   * @throws TallygateError `invalid_request`
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
  reserve(tenantId: Id, options: { readonly estimate: number; readonly ttlSeconds?: number }): Promise<Reservation>;
  /** Commits a reservation by its id, in whichever process. As {@link Reservation.commit}. */
  commit(reservationId: string, actual: number): Promise<ReservationOutcome>;
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

/** A reservation, or the denial of one. */
export interface Reservation {
  readonly allowed: boolean;
  readonly decision: Decision;
  /** For a commit in another process; undefined where it was refused. */
  readonly id: string | undefined;
  readonly expiresAt: Date;
  /**
   * Corrects the estimate to what it was, above it too, and meters it, once. The same amount again changes nothing.
   * @param actual whole units from 0 to 2^53-1
   * @returns `committed`; `expired` or `unknown` where it came too late: it is metered all the same and nothing is given back;
   *   `unconfirmed` where the counters did not answer: likewise; `other_amount`, `already_released`: nothing changed
   * @throws TallygateError `invalid_request`
   */
  commit(actual: number): Promise<ReservationOutcome>;
  /** Gives the estimate back. Again: nothing changes. `unconfirmed`: the counters did not answer, call it again. */
  release(): Promise<ReservationOutcome>;
}

/** Usage, for what is no HTTP request. */
export interface UsageCalls {
  /**
   * Meters usage that no request brought. It is in the ledger with the next flush.
   * @throws TallygateError `invalid_request`, `not_ready` where the start did not come within 15 s
   * @example
   * await tallygate.usage.record('acme', { apiCalls: 1, user: 'u-17' });
   */
  record(tenantId: Id, increments: UsageIncrements): Promise<void>;
  /**
   * The tenant's usage by day and in total.
   * @param period days `YYYY-MM-DD`, both inclusive, at most 366. Default: the tenant's current calendar month up to today
   * @throws TallygateError `invalid_request`, `tenant_not_found`, `ledger_unavailable`, `not_ready`
   */
  query(tenantId: Id, period?: UsagePeriod): Promise<UsageReport>;
}

/** See {@link QuotaCalls}. */
export function quotaCalls({ admission, decide, quotaService, reservations }: Composition): QuotaCalls {
  const commit = async (reservationId: string, actual: number) => {
    if (!isCount(actual)) throw invalidRequest([amountFault('actual', actual)]);
    return reservations.commit(reservationId, actual);
  };
  return {
    commit,
    release: (reservationId) => reservations.release(reservationId),
    reserve: async (tenantId, options) => {
      const { estimate, seconds } = checkedEstimate(options);
      const reserved = await reservations.reserve(checkedTenant(tenantId), estimate, seconds);
      const { decision, id, expiresAtMs } = reserved;
      const end = (finish: (reservationId: string) => Promise<ReservationOutcome>) =>
        id === undefined ? Promise.resolve('unknown' as const) : finish(id);
      return {
        ...{ allowed: decision.allowed, decision, id, expiresAt: new Date(expiresAtMs) },
        commit: (actual) => end((reservationId) => commit(reservationId, actual)),
        release: () => end((reservationId) => reservations.release(reservationId)),
      };
    },
    consume: async (tenantId, { cost = 1 } = {}) => {
      const id = checkedTenant(tenantId);
      if (!isCount(cost)) throw invalidRequest([amountFault('cost', cost)]);
      return decide(id, cost);
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

/** See {@link UsageCalls}. */
export function usageCalls(composition: Composition, wallMs: () => number): UsageCalls {
  const { admission, quotaService, usageRecorder, usageService } = composition;

  async function record(tenantId: Id, increments: UsageIncrements): Promise<void> {
    const id = checkedTenant(tenantId);
    const { apiCalls, storageBytes, user, at } = checkedIncrements(increments, wallMs());
    await opened(admission);
    const usageDate = dateAt(at, quotaService.quotaOf(id).calendar);
    if (storageBytes !== undefined) usageRecorder.recordStorage(id, storageBytes, at);
    if (apiCalls !== undefined) usageRecorder.recordCalls(id, usageDate, apiCalls);
    if (user !== undefined) usageRecorder.recordUser(id, usageDate, user);
  }

  async function query(tenantId: Id, period?: UsagePeriod): Promise<UsageReport> {
    const id = checkedTenant(tenantId);
    const faults = period === undefined ? [] : usagePeriodFaults(period.from, period.to);
    if (faults.length > 0) throw invalidRequest(faults);
    await opened(admission);
    return usageService.query(id, period);
  }

  return { record, query };
}

/** Waits for the start, at most 15 s. */
async function opened(admission: Composition['admission']): Promise<void> {
  if (await admission.whenOpen()) return;
  throw new TallygateError('not_ready', 'The ledger, the settings or the counter store have not answered yet.');
}

interface CheckedIncrements {
  readonly apiCalls: number | undefined;
  readonly storageBytes: number | undefined;
  readonly user: string | undefined;
  readonly at: number;
}

const KNOWN_INCREMENTS: readonly string[] = [
  'apiCalls',
  'user',
  'storageBytes',
  'at',
] satisfies (keyof UsageIncrements)[];

function checkedIncrements(increments: UsageIncrements, now: number): CheckedIncrements {
  // From JavaScript anything may come.
  const { apiCalls, storageBytes, user, at } = increments ?? {};
  const faults: Fault[] = Object.keys(increments ?? {})
    .filter((name) => !KNOWN_INCREMENTS.includes(name))
    .map((name) => ({ location: name, message: `expected one of ${KNOWN_INCREMENTS.join(', ')}` }));
  for (const [name, amount] of Object.entries({ apiCalls, storageBytes })) {
    if (amount !== undefined && !isCount(amount)) faults.push(amountFault(name, amount));
  }
  const userId = resolveId(user, userIdFault);
  if (userId.kind === 'fault') faults.push({ location: 'user', message: userId.fault });
  if (apiCalls === undefined && storageBytes === undefined && userId.kind === 'none') {
    faults.push({ location: 'increments', message: 'expected at least one of apiCalls, user and storageBytes' });
  }
  const atMs = at === undefined ? now : at instanceof Date ? at.getTime() : Number.NaN;
  if (!isWithinReach(atMs, now)) {
    faults.push({ location: 'at', message: 'expected a Date at most 35 days back and at most 5 minutes ahead' });
  }
  if (faults.length > 0) throw invalidRequest(faults);
  return { apiCalls, storageBytes, user: userId.kind === 'id' ? userId.id : undefined, at: atMs };
}

function checkedEstimate(options: { readonly estimate: number; readonly ttlSeconds?: number }) {
  // From JavaScript anything may come.
  const { estimate, ttlSeconds: seconds = DEFAULT_RESERVATION_SECONDS } = options ?? {};
  const faults: Fault[] = [];
  if (!isCount(estimate) || estimate === 0)
    faults.push({ location: 'estimate', message: `expected a whole number from 1 to ${MAX_COUNT}, got ${estimate}` });
  if (!isCount(seconds) || seconds === 0 || seconds > MAX_RESERVATION_SECONDS) {
    const message = `expected a whole number from 1 to ${MAX_RESERVATION_SECONDS}, got ${seconds}`;
    faults.push({ location: 'ttlSeconds', message });
  }
  if (faults.length > 0) throw invalidRequest(faults);
  return { estimate, seconds };
}

function checkedTenant(tenantId: Id): string {
  const resolved = resolveId(tenantId, tenantIdFault);
  if (resolved.kind === 'id') return resolved.id;
  const message = resolved.kind === 'fault' ? resolved.fault : 'expected a tenant id, got none';
  throw invalidRequest([{ location: 'tenantId', message }]);
}

const amountFault = (location: string, value: unknown): Fault => ({
  location,
  message: `expected a whole number from 0 to ${MAX_COUNT}, got ${String(value)}`,
});
