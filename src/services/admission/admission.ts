// Yes or no: one decision for one request of a tenant, over all of its limits in one step. Everything that reads a decision
// (headers, 429, ledger) reads this one. Where store and ledger can answer from memory the whole path is synchronous.
import { hasCode, type TallygateError } from '../../core/errors.js';
import type { ChargeReply, ChargeWindow, CountedWindow, DecidedReply } from '../../core/quota/charge.js';
import {
  type Decision,
  decisionWithoutStore,
  limitStates,
  limitsBelowCost,
  type StoreErrorPolicy,
} from '../../core/quota/decision.js';
import type { WindowPlan } from '../../core/quota/windows.js';
import { dateAt } from '../../core/time/calendar.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { Observer } from '../../ports/observer.js';
import type { TenantQuota } from '../usage/quotaService.js';
import type { Floors, Rehydration } from './rehydration.js';
import type { StoreClock } from './storeClock.js';
import { WindowPlans } from './windowPlans.js';

/** Most calls for one decision: one, one more with windows by the store's clock, one with floors, one after being late. */
const MAX_CALLS = 4;

/** What it needs. */
export interface AdmissionParts {
  readonly quotaOf: (tenantId: string) => TenantQuota;
  readonly store: CounterStore;
  readonly storeClock: StoreClock;
  readonly rehydration: Rehydration;
  readonly policy: StoreErrorPolicy;
  /** Longest wait for the store, in milliseconds from the request's arrival; it begins anew after a reading from the ledger. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Told of each failure of the store, with what hinders it; the request itself only learns that there was one. */
  readonly onStoreFailure: (error: TallygateError) => void;
  /** Told of each decision, in the turn in which it is made: the usage recorder books it. */
  readonly onDecision: (decision: Decision) => void;
}

/** One decision on its way. */
interface Attempt {
  readonly tenantId: string;
  readonly quota: TenantQuota;
  readonly cost: number;
  readonly arrivedAtMs: number;
  /** From when the store's timeout runs: the arrival, or the end of a reading from the ledger. */
  waitsSinceMs: number;
  calls: number;
}

/** See the head of this file. */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #plans = new WindowPlans();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Decides and charges. A value where no I/O was needed. Never rejects because a store failed: that is an outcome.
   * @param cost whole units from 0 to 2^53-1
   * @throws TallygateError `not_ready` before the tenants' settings were loaded once
   */
  decide(tenantId: string, cost: number): Decision | Promise<Decision> {
    const attempt = this.#begin(tenantId, cost);
    const exceeded = cost === 0 ? [] : limitsBelowCost(attempt.quota.limits, cost);
    const decision =
      exceeded.length > 0
        ? this.#unanswered(attempt, { outcome: 'cost_exceeds_limit', exceeded })
        : this.#charge(attempt);
    return decision instanceof Promise
      ? decision.then((made) => this.#tell(made, attempt))
      : this.#tell(decision, attempt);
  }

  /** Where the tenant's limits stand. Charges nothing, creates nothing, is recorded nowhere. Throws as `decide`. */
  look(tenantId: string): Decision | Promise<Decision> {
    return this.#charge(this.#begin(tenantId, 0));
  }

  #begin(tenantId: string, cost: number): Attempt {
    const now = this.#parts.clock.monotonicMs();
    return { tenantId, quota: this.#parts.quotaOf(tenantId), cost, arrivedAtMs: now, waitsSinceMs: now, calls: 0 };
  }

  #tell(decision: Decision, attempt: Attempt): Decision {
    this.#parts.observer.decided(decision.outcome, (this.#parts.clock.monotonicMs() - attempt.arrivedAtMs) / 1000);
    this.#parts.onDecision(decision);
    return decision;
  }

  #charge(attempt: Attempt): Decision | Promise<Decision> {
    const due = this.#parts.rehydration.isDue(attempt.tenantId, attempt.quota.limits);
    return due && this.#plan(attempt).asksLedger ? this.#chargeWithFloors(attempt) : this.#call(attempt, undefined);
  }

  /** The tenant's first charge of this process, or one after something changed: it carries what the ledger knows. */
  async #chargeWithFloors(attempt: Attempt): Promise<Decision> {
    const { rehydration } = this.#parts;
    const generation = this.#parts.store.generation;
    const { windows } = this.#plan(attempt);
    const floors = await rehydration.optionalFloorsOf(attempt.tenantId, windows, attempt.cost === 0);
    attempt.waitsSinceMs = this.#parts.clock.monotonicMs();
    if (floors === undefined) return this.#call(attempt, rehydration.lastKnownFloors(attempt.tenantId, windows));
    const decision = await this.#call(attempt, floors);
    this.#floorsSent(attempt, decision, generation, false);
    return decision;
  }

  /** A charge of 0 writes no floors, and one that was not answered may not have: then the next one carries them again. */
  #floorsSent(attempt: Attempt, decision: Decision, generation: number, forgotten: boolean): void {
    const answered = decision.outcome === 'admitted' || decision.outcome === 'denied';
    if (attempt.cost > 0 && answered) {
      this.#parts.rehydration.sent(attempt.tenantId, attempt.quota.limits, generation, forgotten);
    }
  }

  /** One call of the store, and what follows from its answer. */
  #call(attempt: Attempt, floors: Floors | undefined): Decision | Promise<Decision> {
    attempt.calls += 1;
    const plan = this.#plan(attempt);
    const waitMs = this.#parts.timeoutMs - (this.#parts.clock.monotonicMs() - attempt.waitsSinceMs);
    const { tenantId, cost } = attempt;
    try {
      const reply = this.#parts.store.charge({ tenantId, cost, windows: withFloors(plan, floors), waitMs });
      if (!(reply instanceof Promise)) return this.#settle(attempt, plan, floors, reply);
      return reply.then(
        (answer) => this.#settle(attempt, plan, floors, answer),
        (error) => this.#failed(attempt, error),
      );
    } catch (error) {
      return this.#failed(attempt, error);
    }
  }

  #settle(
    attempt: Attempt,
    plan: WindowPlan,
    floors: Floors | undefined,
    reply: ChargeReply,
  ): Decision | Promise<Decision> {
    if (reply.outcome === 'granted' || reply.outcome === 'denied') return this.#decided(attempt, plan, reply);
    if (attempt.calls >= MAX_CALLS) return this.#refusedOrPassed(attempt, false);
    // `clock`: the guard has observed the reply, so the next plan is around the time that it told. `late`: there may be time for one more.
    return reply.outcome === 'cold' ? this.#callWithSeeds(attempt) : this.#call(attempt, floors);
  }

  /** The store does not know a window that the ledger knows. */
  async #callWithSeeds(attempt: Attempt): Promise<Decision> {
    const { rehydration } = this.#parts;
    const generation = this.#parts.store.generation;
    const plan = this.#plan(attempt);
    const seeds = await rehydration.floorsOf(attempt.tenantId, plan.windows);
    attempt.waitsSinceMs = this.#parts.clock.monotonicMs();
    if (seeds !== undefined) {
      const decision = await this.#call(attempt, seeds);
      this.#floorsSent(attempt, decision, generation, true);
      return decision;
    }
    // The ledger is away too. `deny` promises never to admit blindly; otherwise the fleet at least shares one counter.
    if (this.#parts.policy === 'deny') return this.#refusedOrPassed(attempt, false);
    const lastKnown = rehydration.lastKnownFloors(attempt.tenantId, plan.windows);
    return this.#call(attempt, provisionalFloors(plan, lastKnown));
  }

  #decided(attempt: Attempt, plan: WindowPlan, reply: DecidedReply): Decision {
    if (plan.asksLedger) this.#parts.rehydration.counted(attempt.tenantId, plan.windows, reply.windows);
    const denied = reply.outcome === 'denied';
    const day = reply.windows[plan.dayIndex] as CountedWindow;
    const usageDate =
      plan.windows[plan.dayIndex]?.dates?.[day.sent]?.first ?? dateAt(day.start, attempt.quota.calendar);
    return {
      outcome: denied ? 'denied' : 'admitted',
      allowed: !denied,
      tenantId: attempt.tenantId,
      cost: attempt.cost,
      label: { decidedAtMs: reply.timeMs, usageDate, resetNumber: 0 },
      limits: limitStates(attempt.quota.limits, reply.windows, denied ? attempt.cost : undefined),
      exceeded: [],
      chargeUnknown: false,
    };
  }

  #failed(attempt: Attempt, error: unknown): Decision {
    if (!hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) throw error;
    this.#parts.onStoreFailure(error);
    return this.#refusedOrPassed(attempt, error.code === 'counter_store_timeout');
  }

  /** No answer came: the policy decides. It refuses no tenant that has no hard limit. */
  #refusedOrPassed(attempt: Attempt, chargeUnknown: boolean): Decision {
    const unlimited = attempt.quota.limits.every((limit) => limit.limit === 'unlimited');
    const passes = unlimited || this.#parts.policy === 'allow';
    if (passes) this.#parts.rehydration.letPass(attempt.tenantId, attempt.cost);
    return this.#unanswered(attempt, { outcome: passes ? 'unconfirmed' : 'unavailable', chargeUnknown });
  }

  /** A decision without the store: labelled by the process's clock. */
  #unanswered(
    { tenantId, cost, quota }: Attempt,
    what: Pick<Decision, 'outcome'> & Partial<Pick<Decision, 'exceeded' | 'chargeUnknown'>>,
  ): Decision {
    const decidedAtMs = this.#parts.clock.wallMs();
    return decisionWithoutStore(
      { tenantId, cost, ...what },
      { decidedAtMs, usageDate: dateAt(decidedAtMs, quota.calendar) },
    );
  }

  #plan(attempt: Attempt): WindowPlan {
    return this.#plans.around(attempt.quota, this.#parts.storeClock.estimateMs());
  }
}

function withFloors(plan: WindowPlan, floors: Floors | undefined): readonly ChargeWindow[] {
  if (floors === undefined) return plan.windows;
  return plan.windows.map((window, index) => ({ ...window, floor: floors[index] }));
}

const provisionalFloors = (plan: WindowPlan, lastKnown: Floors): Floors =>
  plan.windows.map((window, index) =>
    window.fromLedger && window.limit !== undefined
      ? { start: window.starts[1], used: lastKnown[index]?.used ?? 0, provisional: true }
      : undefined,
  );
