// Reservations: a cost that is known only afterwards is estimated, charged and held; then committed as what it was, or released.
// The counters know whether it was ended before; the ledger books what it was, once by its id, in time or late: what happened is billed
// also where the counters have forgotten that it was asked for.
import { createHash, randomBytes } from 'node:crypto';
import { hasCode } from '../../core/errors.js';
import { OWN_UNITS } from '../../core/meter.js';
import { costIn, type RequestCost } from '../../core/quota/cost.js';
import type { Decision } from '../../core/quota/decision.js';
import type { KeyedRequest } from '../../core/quota/remembered.js';
import type { FinishAction, FinishOutcome, FinishReply } from '../../core/quota/reservation.js';
import { type ReservationId, readReservationId, reservationIdOf } from '../../core/quota/reservationId.js';
import { addDays, dateAt } from '../../core/time/calendar.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { Observer } from '../../ports/observer.js';
import type { CommitRow } from '../../ports/usageLedger.js';
import type { TenantQuota } from '../usage/quotaService.js';
import type { Asked } from './attempt.js';

/** Longest life of a reservation, in seconds: a day. */
export const MAX_RESERVATION_SECONDS = 86_400;
/** Its life unless told, in seconds. */
export const DEFAULT_RESERVATION_SECONDS = 300;
/** The ledger remembers ids for so long: an older one could be booked twice. */
const MEMORY_DAYS = 34;

/** What it needs. */
export interface ReservationsParts {
  readonly decide: (tenantId: string, cost: number, asked: Asked) => Decision | Promise<Decision>;
  readonly store: Pick<CounterStore, 'finish'>;
  readonly quotaOf: (tenantId: string) => Pick<TenantQuota, 'calendar' | 'resetNumber'>;
  /** Told of each tenant whose counters may have got room. */
  readonly onGivenBack: (tenantId: string) => void;
  /** Books units once by their key. */
  readonly recordCommit: (commit: CommitRow) => void;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'reservation'>;
}

/** What became of a request for a reservation. */
export interface Reserved {
  /** Of the estimate: `allowed` says whether there is a reservation. */
  readonly decision: Decision;
  /** Undefined where it was refused. */
  readonly id: string | undefined;
  /** When it can be committed no more, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/**
 * What became of a commit or a release, as the counters know it. `unconfirmed`: they did not answer; a commit is metered all the
 * same, the counters keep the estimate.
 */
export type ReservationOutcome = FinishOutcome | 'unconfirmed';

/** Outcomes after which what was committed is booked: done now, done before by the same call, late, or forgotten. */
const BOOKED: readonly ReservationOutcome[] = ['committed', 'expired', 'unknown', 'unconfirmed'];

/** See the head of this file. */
export class Reservations {
  readonly #parts: ReservationsParts;

  constructor(parts: ReservationsParts) {
    this.#parts = parts;
  }

  /**
   * Charges an estimate and holds it.
   * @param estimate above 0, in own units or a meter
   * @param seconds whole, 1 to 86,400
   * @param keyed the key under which its client may ask again: it is given the reservation that was made first
   * @throws TallygateError `idempotency_conflict`
   */
  async reserve(
    tenantId: string,
    { cost, meterCosts }: RequestCost,
    seconds: number,
    keyed?: KeyedRequest,
  ): Promise<Reserved> {
    const reserve = { id: randomBytes(16).toString('base64url'), ttlMs: seconds * 1000 };
    const decision = await this.#parts.decide(tenantId, cost, { meterCosts, reserve, keyed });
    const { usageDate, decidedAtMs } = decision.label;
    const first = decision.keyed?.first?.reservation;
    if (decision.allowed && first === undefined) this.#parts.observer.reservation('reserved');
    const { id: secret, expiresAtMs } = first ?? { id: reserve.id, expiresAtMs: decidedAtMs + reserve.ttlMs };
    return {
      decision,
      id: decision.allowed ? reservationIdOf({ tenantId, usageDate, secret }) : undefined,
      expiresAtMs,
    };
  }

  /** Ends a reservation with what it was, in meters also that were not estimated. May be called again with the same amounts. */
  async commit(text: string, actual: RequestCost): Promise<ReservationOutcome> {
    const id = readReservationId(text);
    if (id === undefined || !this.#isRemembered(id)) return 'unknown';
    const reply = await this.#finish(id, { kind: 'commit', actual: actual.cost, meterActuals: actual.meterCosts });
    const outcome = reply?.outcome ?? 'unconfirmed';
    if (BOOKED.includes(outcome)) this.#book(id, text, actual, reply);
    if (outcome === 'committed') this.#parts.observer.reservation(isOverrun(actual, reply) ? 'overrun' : 'committed');
    if (outcome === 'expired' || outcome === 'unknown') this.#parts.observer.reservation('late');
    return outcome;
  }

  /** Takes a reservation back. May be called again. */
  async release(text: string): Promise<ReservationOutcome> {
    const id = readReservationId(text);
    if (id === undefined) return 'unknown';
    const outcome = (await this.#finish(id, { kind: 'release' }))?.outcome ?? 'unconfirmed';
    if (outcome === 'released') this.#parts.observer.reservation('released');
    return outcome;
  }

  /** undefined where the counters did not answer. */
  async #finish({ tenantId, secret }: ReservationId, action: FinishAction): Promise<FinishReply | undefined> {
    try {
      const reply = await this.#parts.store.finish({ tenantId, id: secret, action });
      this.#parts.onGivenBack(tenantId);
      return reply;
    } catch (error) {
      if (!hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) throw error;
      return undefined;
    }
  }

  #book(
    { tenantId, usageDate }: ReservationId,
    text: string,
    { cost, meterCosts }: RequestCost,
    reply: FinishReply | undefined,
  ): void {
    const isKnown = reply !== undefined && reply.outcome !== 'unknown';
    const resetNumber = isKnown ? reply.resetNumber : this.#parts.quotaOf(tenantId).resetNumber;
    for (const { meter, units } of [{ meter: OWN_UNITS, units: cost }, ...meterCosts]) {
      this.#parts.recordCommit({ tenantId, usageDate, meter, resetNumber, units, key: bookingKeyOf(text, meter) });
    }
  }

  /** Whether the ledger would still know that the id was booked, and its date has come anywhere. */
  #isRemembered({ tenantId, usageDate }: ReservationId): boolean {
    const today = dateAt(this.#parts.clock.wallMs(), this.#parts.quotaOf(tenantId).calendar);
    return usageDate >= addDays(today, -MEMORY_DAYS) && usageDate <= addDays(today, 1);
  }
}

/** Each meter of a reservation is booked once under a key of its own. */
function bookingKeyOf(text: string, meter: string): Buffer {
  const hash = createHash('sha256').update('reservation\0').update(text);
  return (meter === OWN_UNITS ? hash : hash.update(`\0${meter}`)).digest().subarray(0, 16);
}

/** Whether it was more than was estimated, in any meter. */
const isOverrun = ({ cost, meterCosts }: RequestCost, reply: FinishReply | undefined): boolean =>
  reply !== undefined &&
  (cost > reply.estimate || meterCosts.some(({ meter, units }) => units > costIn(reply.meterEstimates ?? [], meter)));
