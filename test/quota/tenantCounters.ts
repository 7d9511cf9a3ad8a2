// The pure rule with a memory: one tenant's counters, charged at instants that the test names. The rule can be replaced by a wrong
// one, which is how the mutants are made.
import { type CounterWrites, charge } from '../../src/core/quota/charge.js';
import type { ChargeReply, DecidedReply } from '../../src/core/quota/chargeReply.js';
import type { ChargeRequest, FixedWindow, SlidingWindow } from '../../src/core/quota/chargeRequest.js';
import { meterCostsOf } from '../../src/core/quota/cost.js';
import {
  isSegments,
  NO_COUNTERS,
  type StoredCounter,
  type StoredTenant,
  type StoredWindow,
} from '../../src/core/quota/counter.js';
import {
  type FinishAction,
  type FinishReply,
  finish,
  type StoredReservation,
} from '../../src/core/quota/reservation.js';

/** How one request is decided: the rule, or a mutant of it. */
export type ChargeRule = typeof charge;

/** A request without what most tests do not care about. */
export type SomeRequest = Partial<ChargeRequest> & Pick<ChargeRequest, 'windows'>;

/** What a store holds after a step. */
export function after(stored: StoredTenant, writes: CounterWrites): StoredTenant {
  if (writes.counters.size === 0) return stored;
  const kept: ReadonlyMap<string, StoredCounter> = writes.isReset ? new Map() : stored.counters;
  return {
    incarnation: writes.incarnation,
    resetNumber: writes.resetNumber,
    counters: new Map([...kept, ...writes.counters]),
  };
}

/** Of all tenants, so that no two incarnations have one name. */
let steps = 0;

/** See the head of this file. */
export class TenantCounters {
  stored: StoredTenant = NO_COUNTERS;
  readonly reservations = new Map<string, StoredReservation>();
  readonly #rule: ChargeRule;

  constructor(rule: ChargeRule = charge) {
    this.#rule = rule;
  }

  /** Charges as a store would, whatever comes of it. */
  try(request: SomeRequest, timeMs: number): ChargeReply {
    steps += 1;
    const whole: ChargeRequest = { tenantId: 't', costs: [1], resetNumber: 0, ...request };
    const { reply, writes } = this.#rule(this.stored, whole, timeMs, String(timeMs * 1000 + steps));
    this.stored = after(this.stored, writes);
    if (writes.reserved !== undefined && whole.reserve !== undefined)
      this.reservations.set(whole.reserve.id, {
        ...{ state: 'open', estimate: whole.costs[0] ?? 0, actual: 0, expiresAtMs: timeMs + whole.reserve.ttlMs },
        ...(whole.meters === undefined ? {} : { meterEstimates: meterCostsOf(whole.costs, whole.meters) }),
        ...{ resetNumber: writes.resetNumber, incarnation: writes.incarnation ?? '', windows: writes.reserved },
      });
    return reply;
  }

  /** Charges, and expects a decision. */
  charge(request: SomeRequest, timeMs: number): DecidedReply {
    const reply = this.try(request, timeMs);
    if (reply.outcome !== 'decided') throw new Error(`expected a decision, got "${reply.outcome}" at ${timeMs}`);
    return reply;
  }

  finish(id: string, action: FinishAction, timeMs: number): FinishReply {
    const { reply, counters, reservation } = finish(this.stored, this.reservations.get(id), action, timeMs);
    this.stored = { ...this.stored, counters: new Map([...this.stored.counters, ...counters]) };
    if (reservation !== undefined) this.reservations.set(id, reservation);
    return reply;
  }

  /** A fixed window's counter. */
  fixed(field: string): StoredWindow | undefined {
    const counter = this.stored.counters.get(field);
    return counter === undefined || isSegments(counter) ? undefined : counter;
  }
}

/** The window of `size` that holds `now`, with its neighbours. */
export const windowAt = (
  field: string,
  limit: number | undefined,
  size: number,
  now: number,
  more: Partial<FixedWindow> = {},
): FixedWindow => {
  const start = Math.floor(now / size) * size;
  return {
    ...{ field, limit, denies: limit !== undefined, starts: [start - size, start, start + size] },
    ...{ end: start + 2 * size, fromLedger: false, tellAt: undefined },
    ...more,
  };
};

/** A sliding window. */
export const slidingOf = (
  field: string,
  limit: number | undefined,
  segmentMs: number,
  denies = limit !== undefined,
): SlidingWindow => ({ field, limit, denies, segmentMs });
