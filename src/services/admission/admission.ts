// Yes or no: one decision for one request of a tenant, over all of its limits in one step. Everything that reads a decision
// (headers, 429, ledger) reads this one. Where store and ledger can answer from memory the whole path is synchronous.
import { hasCode, type TallygateError } from '../../core/errors.js';
import type { ChargeReply, DecidedReply } from '../../core/quota/chargeReply.js';
import { costRow, isLook } from '../../core/quota/cost.js';
import { decisionByReply, decisionOf } from '../../core/quota/decide.js';
import { type Decision, limitsBelowCost, type StoreErrorPolicy, shadowRefusals } from '../../core/quota/decision.js';
import { keyConflict, rememberOf } from '../../core/quota/remembered.js';
import type { WindowPlan } from '../../core/quota/windows.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { Observer } from '../../ports/observer.js';
import type { TenantQuota } from '../usage/quotaService.js';
import type { Asked, Attempt } from './attempt.js';
import { begin, chargesNothing, isPlain, NOTHING_ELSE, toldCosts, undecidedOf } from './attempt.js';
import type { LeasePool } from './leasePool.js';
import {
  type LocalCounters,
  OutagePolicy,
  provisionalFloors,
  raisingFloors,
  reportOverAdmission,
} from './outagePolicy.js';
import type { Rehydration } from './rehydration.js';
import { RememberedDenials } from './rememberedDenials.js';
import type { Floors } from './standings.js';
import type { StoreClock } from './storeClock.js';
import { WindowPlans } from './windowPlans.js';

/** Most calls for one decision: one, one more with windows by the store's clock, one with floors, one after being late. */
const MAX_CALLS = 4;

/** What it needs. */
export interface AdmissionParts {
  /** A value unless the app's own function must be asked for the plan. */
  readonly quotaOf: (tenantId: string) => TenantQuota | Promise<TenantQuota>;
  readonly store: CounterStore;
  /** Counters of this process, which decide while the store does not: for the policy `local`. */
  readonly localStore: LocalCounters;
  readonly storeClock: StoreClock;
  readonly rehydration: Rehydration;
  /** Whether the store would refuse a call at once: then the policy decides without one. @defaultValue never */
  readonly storeRefuses?: () => boolean;
  /** Whether a denial is worth remembering: not where asking the store costs nothing. */
  readonly remembersDenials: boolean;
  /** undefined: every request asks the store. */
  readonly leases: LeasePool | undefined;
  readonly policy: StoreErrorPolicy;
  /** Whether a tenant that nobody gave a setting is refused. */
  readonly refusesUnknown: boolean;
  /** Longest wait for the store, in milliseconds from the request's arrival; it begins anew after a reading from the ledger. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Told of each failure of the store, with what hinders it; the request itself only learns that there was one. */
  readonly onStoreFailure: (error: TallygateError) => void;
  /** Told of each decision, in the turn in which it is made: the usage recorder books it. */
  readonly onDecision: (decision: Decision) => void;
}

/** See the head of this file. */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #plans = new WindowPlans();
  readonly #denials = new RememberedDenials();
  readonly #outage: OutagePolicy;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    const { policy, localStore, rehydration, clock } = parts;
    this.#outage = new OutagePolicy({ policy, localStore, rehydration, clock, plans: this.#plans });
  }

  /**
   * Decides and charges. A value where no I/O was needed. Never rejects because a store failed: that is an outcome.
   * @param cost whole own units from 0 to 2^53-1
   * @throws TallygateError `not_ready` before the tenants' settings were loaded once, `idempotency_conflict`
   */
  decide(tenantId: string, cost: number, asked: Asked = NOTHING_ELSE): Decision | Promise<Decision> {
    const arrivedAtMs = this.#parts.clock.monotonicMs();
    const decision = this.#withQuota(tenantId, (quota) =>
      this.#decideBy(begin(tenantId, quota, cost, arrivedAtMs, asked)),
    );
    return decision instanceof Promise
      ? decision.then((made) => this.#tell(made, arrivedAtMs))
      : this.#tell(decision, arrivedAtMs);
  }

  /** Where the tenant's limits stand. Charges nothing, creates nothing, is recorded nowhere. Throws as `decide`. */
  look(tenantId: string): Decision | Promise<Decision> {
    const arrivedAtMs = this.#parts.clock.monotonicMs();
    return this.#withQuota(tenantId, (quota) => this.#charge(begin(tenantId, quota, 0, arrivedAtMs)));
  }

  /** Something of the tenant's was given back in this process: what is remembered of its denials may be over. */
  forgetDenial(tenantId: string): void {
    this.#denials.forget(tenantId);
  }

  #withQuota(
    tenantId: string,
    then: (quota: TenantQuota) => Decision | Promise<Decision>,
  ): Decision | Promise<Decision> {
    const quota = this.#parts.quotaOf(tenantId);
    return quota instanceof Promise ? quota.then(then) : then(quota);
  }

  #decideBy(attempt: Attempt): Decision | Promise<Decision> {
    const { tenantId, quota, cost, meterCosts, keyed } = attempt;
    if (this.#parts.refusesUnknown && !quota.known)
      return this.#outage.unanswered(undecidedOf(attempt), { outcome: 'unknown_tenant' });
    // Whether a request under a key was admitted before only the store knows, also of one that could not be now.
    if (isLook(attempt) || keyed !== undefined) return this.#charge(attempt);
    const impossible = this.#impossible(attempt);
    if (impossible !== undefined) return impossible;
    // Only own units are remembered as denied, or held as blocks.
    if (meterCosts.length > 0 || attempt.reserve !== undefined) return this.#charge(attempt);
    return (
      this.#denials.denialOf(tenantId, quota, cost, attempt.arrivedAtMs) ??
      this.#spent(attempt) ??
      this.#charge(attempt)
    );
  }

  /** The refusal of a cost that a limit can never fit; undefined: all of them can. */
  #impossible(attempt: Attempt): Decision | undefined {
    const exceeded = limitsBelowCost(attempt.quota.limits, attempt);
    if (exceeded.length === 0) return undefined;
    return this.#outage.unanswered(undecidedOf(attempt), { outcome: 'cost_exceeds_limit', exceeded });
  }

  /** The decision from this process's own block, if it has one that is large enough. */
  #spent(attempt: Attempt): Decision | undefined {
    const { tenantId, quota, cost } = attempt;
    const spent = this.#parts.leases?.spend(tenantId, quota, cost);
    if (spent === undefined) return undefined;
    return decisionOf(undecidedOf(attempt), spent.plan, spent, true);
  }

  #tell(decision: Decision, arrivedAtMs: number): Decision {
    const { observer, clock } = this.#parts;
    observer.decided(decision.outcome, (clock.monotonicMs() - arrivedAtMs) / 1000);
    observer.decisionMade(decision);
    const shadows = shadowRefusals(decision);
    if (shadows.length > 0) observer.shadowDenied(shadows.map((state) => state.name));
    this.#parts.onDecision(decision);
    return decision;
  }

  #charge(attempt: Attempt): Decision | Promise<Decision> {
    // Not by a call that fails: in an outage every tenant is due, so it would wait for the ledger first, and then behind the call
    // of the same tenant that finds out whether the store is back.
    if (this.#parts.storeRefuses?.() === true) return this.#refusedOrPassed(attempt, false);
    const due = this.#parts.rehydration.isDue(attempt.tenantId, attempt.quota.limits);
    return due && this.#plan(attempt).asksLedger ? this.#chargeWithFloors(attempt) : this.#call(attempt, undefined);
  }

  /** The tenant's first charge of this process, or one after something changed: it carries what the ledger knows. */
  async #chargeWithFloors(attempt: Attempt): Promise<Decision> {
    const { rehydration } = this.#parts;
    const generation = this.#parts.store.generation;
    const { tenantId, resetNumber } = attempt;
    const plan = this.#plan(attempt);
    const looks = chargesNothing(attempt, plan.meters);
    const floors = await rehydration.optionalFloorsOf(tenantId, plan, resetNumber, looks);
    attempt.waitsSinceMs = this.#parts.clock.monotonicMs();
    if (floors === undefined)
      return this.#call(attempt, raisingFloors(rehydration.spentFloors(tenantId, plan, resetNumber)));
    const decision = await this.#call(attempt, floors);
    this.#floorsSent(attempt, generation, false);
    return decision;
  }

  /** A charge of 0 writes no floors, and one that was not answered may not have: then the next one carries them again. */
  #floorsSent(attempt: Attempt, generation: number, forgotten: boolean): void {
    if (!attempt.isDecided) return;
    this.#parts.rehydration.sent(attempt.tenantId, attempt.quota.limits, generation, forgotten);
  }

  /** One call of the store, and what follows from its answer. */
  #call(attempt: Attempt, floors: Floors | undefined): Decision | Promise<Decision> {
    attempt.calls += 1;
    const plan = this.#plan(attempt);
    const { tenantId, cost, reserve, keyed, resetNumber } = attempt;
    if (plan.isFixed && isPlain(attempt)) attempt.wish ??= this.#parts.leases?.wish(tenantId, cost);
    const request = {
      tenantId,
      ...toldCosts(attempt, plan.meters),
      windows: plan.windows,
      floors,
      resetNumber,
      reserve,
      remember: rememberOf(keyed, plan.dayIndex),
      waitMs: this.#parts.timeoutMs - (this.#parts.clock.monotonicMs() - attempt.waitsSinceMs),
      take: attempt.wish?.take,
      settle: attempt.wish?.settle,
    };
    const sentAt = attempt.wish === undefined ? undefined : this.#parts.leases?.now();
    const answered = (reply: ChargeReply) => {
      if (sentAt !== undefined && reply.outcome === 'decided') {
        this.#parts.leases?.taken(tenantId, attempt.quota, plan, sentAt, reply);
        attempt.wish = undefined;
      }
      return this.#settle(attempt, plan, floors, reply);
    };
    try {
      const reply = this.#parts.store.charge(request);
      return reply instanceof Promise ? reply.then(answered, (error) => this.#failed(attempt, error)) : answered(reply);
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
    if (reply.outcome === 'decided') return this.#decided(attempt, plan, reply);
    if (reply.outcome === 'conflict') throw keyConflict();
    // A reset that this process has not loaded yet: the sums that are asked for are those after it.
    attempt.resetNumber = Math.max(attempt.resetNumber, reply.resetNumber);
    if (attempt.calls >= MAX_CALLS) return this.#refusedOrPassed(attempt, false);
    // `clock`: the guard has observed the reply, so the next plan is around the time that it told. `late`: there may be time for one more.
    return reply.outcome === 'cold' ? this.#callWithSeeds(attempt) : this.#call(attempt, floors);
  }

  /** The store does not know a window that the ledger knows. */
  async #callWithSeeds(attempt: Attempt): Promise<Decision> {
    const { rehydration } = this.#parts;
    const generation = this.#parts.store.generation;
    const plan = this.#plan(attempt);
    const { tenantId, resetNumber } = attempt;
    const seeds = await rehydration.floorsOf(tenantId, plan, resetNumber).catch((error: unknown) => {
      this.#dropWish(attempt);
      throw error;
    });
    attempt.waitsSinceMs = this.#parts.clock.monotonicMs();
    if (seeds !== undefined) {
      const decision = await this.#call(attempt, seeds);
      this.#floorsSent(attempt, generation, true);
      return decision;
    }
    // The ledger is away too. `deny` promises never to admit blindly; otherwise the fleet at least shares one counter.
    if (!this.#outage.startsBlindly) return this.#refusedOrPassed(attempt, false);
    return this.#call(attempt, provisionalFloors(plan, rehydration.lastKnownFloors(tenantId, plan, resetNumber)));
  }

  #decided(attempt: Attempt, plan: WindowPlan, reply: DecidedReply): Decision {
    const { tenantId, quota } = attempt;
    const first = reply.remembered;
    // A repeat looks, so the store has written no floors with it.
    attempt.isDecided = first === undefined && !chargesNothing(attempt, plan.meters);
    const granted = reply.granted[0] === true;
    const passed = this.#parts.rehydration.counted(
      tenantId,
      plan,
      reply,
      granted && first === undefined ? costRow(attempt, plan.meters) : undefined,
      attempt.reserve !== undefined,
    );
    const decision = decisionByReply(undecidedOf(attempt), plan, reply);
    if (!isLook(passed)) reportOverAdmission(decision, passed, this.#parts.observer);
    const impossible = granted || attempt.keyed === undefined ? undefined : this.#impossible(attempt);
    if (impossible !== undefined) return impossible;
    if (granted) this.#denials.forget(tenantId);
    else if (this.#parts.remembersDenials && attempt.meterCosts.length === 0)
      this.#denials.keep(quota, decision, this.#parts.clock.monotonicMs());
    return decision;
  }

  #failed(attempt: Attempt, error: unknown): Decision | Promise<Decision> {
    this.#dropWish(attempt);
    if (!hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) throw error;
    this.#parts.onStoreFailure(error);
    return this.#refusedOrPassed(attempt, error.code === 'counter_store_timeout');
  }

  /** No answer came: the policy decides. */
  #refusedOrPassed(attempt: Attempt, chargeUnknown: boolean): Decision | Promise<Decision> {
    this.#dropWish(attempt);
    const impossible = attempt.keyed === undefined ? undefined : this.#impossible(attempt);
    return impossible ?? this.#outage.decide(undecidedOf(attempt), chargeUnknown);
  }

  /** Nobody decided the request that carried the wish: another one of the tenant may. */
  #dropWish(attempt: Attempt): void {
    if (attempt.wish !== undefined) this.#parts.leases?.failed(attempt.tenantId);
    attempt.wish = undefined;
  }

  /** Around the store's time as far as it is known. */
  #plan({ quota }: Attempt): WindowPlan {
    return this.#plans.around(quota, this.#parts.storeClock.estimateMs());
  }
}
