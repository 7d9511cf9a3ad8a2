// What becomes of a request that the counter store did not decide: the named policy holds, for tenants that have a hard limit. `local`:
// the process counts on from what it last knew, in counters of its own, and lets pass what the limit leaves of that.
import { hasCode } from '../../core/errors.js';
import type { ChargeReply, DecidedReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest, NewReservation } from '../../core/quota/chargeRequest.js';
import { costRow, costUnder, type RequestCost } from '../../core/quota/cost.js';
import { saturatingSum } from '../../core/quota/counter.js';
import { type DecidedRequest, dateOfFirst, decisionOf, keyedPart } from '../../core/quota/decide.js';
import { type Decision, decisionWithoutStore, type StoreErrorPolicy } from '../../core/quota/decision.js';
import { keyConflict, type RememberedAdmission, rememberOf } from '../../core/quota/remembered.js';
import { isFixedWindow, isInLedger, type PlannedWindow, type WindowPlan } from '../../core/quota/windows.js';
import { dateAt } from '../../core/time/calendar.js';
import type { Clock } from '../../ports/clock.js';
import type { Observer } from '../../ports/observer.js';
import type { Rehydration } from './rehydration.js';
import type { Floors } from './standings.js';
import type { WindowPlans } from './windowPlans.js';

/** Counters of this process: they answer at once. */
export interface LocalCounters {
  charge(request: ChargeRequest): ChargeReply;
}

/** What it needs. */
export interface OutagePolicyParts {
  readonly policy: StoreErrorPolicy;
  readonly localStore: LocalCounters;
  readonly rehydration: Rehydration;
  readonly plans: WindowPlans;
  readonly clock: Clock;
}

/** A request that nobody decided. */
export interface Undecided extends DecidedRequest {
  /** What holds for the tenant, by identity: plans of windows are kept beside it. */
  readonly quota: Parameters<WindowPlans['around']>[0];
  readonly resetNumber: number;
  readonly reserve: NewReservation | undefined;
}

/** See the head of this file. */
export class OutagePolicy {
  readonly #parts: OutagePolicyParts;

  constructor(parts: OutagePolicyParts) {
    this.#parts = parts;
  }

  /** Whether a counter that store and ledger have both forgotten may begin at what this process knows. */
  get startsBlindly(): boolean {
    return this.#parts.policy !== 'deny';
  }

  /**
   * Decides by the policy. It refuses no tenant that has no hard limit. What it lets pass under a key the process remembers, as the
   * store would: a repeat that comes here too is let pass by it, and counted no more.
   * @param chargeUnknown whether the store may have charged the cost although no answer came
   * @throws TallygateError `idempotency_conflict`
   */
  decide(request: Undecided, chargeUnknown: boolean): Decision | Promise<Decision> {
    const isLimited = request.limits.some(({ limit, enforce }) => limit !== 'unlimited' && enforce === 'hard');
    if (!isLimited || this.#parts.policy === 'allow')
      return this.#passed(request, chargeUnknown, this.#remembered(request));
    return this.#parts.policy === 'local'
      ? this.#countLocally(request, chargeUnknown)
      : this.unanswered(request, { outcome: 'unavailable', chargeUnknown });
  }

  /** A decision without the store: labelled by the process's clock. */
  unanswered(
    { tenantId, cost, meterCosts, calendar, settingsVersion, isReservation, keyed, resetNumber }: Undecided,
    what: Pick<Decision, 'outcome'> & Partial<Pick<Decision, 'exceeded' | 'chargeUnknown'>>,
    first?: RememberedAdmission,
  ): Decision {
    const decidedAtMs = this.#parts.clock.wallMs();
    return decisionWithoutStore(
      { tenantId, cost, meterCosts, settingsVersion, isReservation, ...keyedPart(keyed, first), ...what },
      first === undefined
        ? { decidedAtMs, usageDate: dateAt(decidedAtMs, calendar), resetNumber }
        : { decidedAtMs, usageDate: dateOfFirst(first, calendar), resetNumber: first.resetNumber },
    );
  }

  #passed(request: Undecided, chargeUnknown: boolean, first: RememberedAdmission | undefined): Decision {
    if (first === undefined) this.#parts.rehydration.letPass(request.tenantId, request);
    return this.unanswered(request, { outcome: 'unconfirmed', chargeUnknown }, first);
  }

  /** Under a key, where no counter is asked: what was let pass before, or else this is remembered. */
  #remembered({ tenantId, keyed, reserve, resetNumber }: Undecided): RememberedAdmission | undefined {
    if (keyed === undefined) return undefined;
    const remember = rememberOf(keyed, undefined);
    const reply = this.#parts.localStore.charge({ tenantId, costs: [0], windows: [], resetNumber, reserve, remember });
    if (reply.outcome === 'conflict') throw keyConflict();
    return reply.outcome === 'decided' ? reply.remembered : undefined;
  }

  #countLocally(request: Undecided, chargeUnknown: boolean): Decision | Promise<Decision> {
    const { rehydration, plans, clock } = this.#parts;
    const plan = plans.around(request.quota, clock.wallMs());
    const known = rehydration.lastKnownFloors(request.tenantId, plan, request.resetNumber);
    const reply = this.#charge(request, plan, known);
    // A tenant that this process knows nothing of: the ledger may, or nobody does.
    return reply?.outcome === 'cold'
      ? this.#countWithSeeds(request, plan, known, chargeUnknown)
      : this.#decided(request, plan, reply, chargeUnknown);
  }

  async #countWithSeeds(
    request: Undecided,
    plan: WindowPlan,
    known: Floors,
    chargeUnknown: boolean,
  ): Promise<Decision> {
    const { tenantId, resetNumber } = request;
    const seeds = await this.#parts.rehydration.floorsOf(tenantId, plan, resetNumber);
    const reply = this.#charge(request, plan, seeds ?? provisionalFloors(plan, known));
    return this.#decided(request, plan, reply, chargeUnknown);
  }

  /** undefined: the counters of the process are full, then nobody knows anything of this tenant. */
  #charge(request: Undecided, plan: WindowPlan, floors: Floors): ChargeReply | undefined {
    const { tenantId, keyed, reserve, resetNumber } = request;
    const now = this.#parts.clock.wallMs();
    // A sliding window cannot be raised: what was seen of it is taken from its limit, until it has left.
    const seen = plan.windows.map((window, index) => {
      const floor = floors[index];
      return isFixedWindow(window) || floor === undefined || now >= floor.start ? 0 : floor.used;
    });
    const windows = seen.every((used) => used === 0)
      ? plan.windows
      : plan.windows.map((window, index) => withLess(window, seen[index] ?? 0));
    try {
      const costs = costRow(request, plan.meters);
      const reply = this.#parts.localStore.charge({
        tenantId,
        costs,
        meters: plan.meters,
        windows,
        floors,
        resetNumber,
        ...(keyed === undefined ? {} : { reserve, remember: rememberOf(keyed, plan.dayIndex) }),
      });
      return windows === plan.windows || reply.outcome !== 'decided' ? reply : withMore(reply, seen);
    } catch (error) {
      if (!hasCode(error, 'counter_store_unavailable')) throw error;
      return undefined;
    }
  }

  /** What the process's counters refuse is refused; what they let pass is no figure of the fleet. */
  #decided(request: Undecided, plan: WindowPlan, reply: ChargeReply | undefined, chargeUnknown: boolean): Decision {
    if (reply?.outcome === 'conflict') throw keyConflict();
    if (reply?.outcome !== 'decided') return this.unanswered(request, { outcome: 'unavailable', chargeUnknown });
    if (reply.granted[0] === true) return this.#passed(request, chargeUnknown, reply.remembered);
    return { ...decisionOf(request, plan, reply, false), chargeUnknown };
  }
}

const withLess = (window: PlannedWindow, used: number): PlannedWindow =>
  used === 0 || window.limit === undefined ? window : { ...window, limit: Math.max(0, window.limit - used) };

const withMore = (reply: DecidedReply, seen: readonly number[]): DecidedReply => ({
  ...reply,
  windows: reply.windows.map((window, index) => ({ ...window, used: saturatingSum(window.used, seen[index] ?? 0) })),
});

/** Floors for counters that nobody can tell the sum of: what this process last knew, or 0, marked so that the ledger's replaces it. */
export const provisionalFloors = (plan: WindowPlan, lastKnown: Floors): Floors =>
  plan.windows.map((window, index) =>
    isInLedger(window)
      ? { start: window.starts[1], used: lastKnown[index]?.used ?? 0, provisional: true }
      : lastKnown[index],
  );

/** What this process last knew as floors for counters that are there: with the ledger away nobody can tell what an absent one has. */
export const raisingFloors = (lastKnown: Floors): Floors =>
  lastKnown.map((floor) => (floor === undefined ? undefined : { ...floor, raisesOnly: true }));

/**
 * Tells of the hard limits that stand above their number in the first answer after an outage in which the policy let requests of the
 * tenant pass: by then the counters know what every process has flushed.
 * @param passed what it let pass in this process: no more of what is above is this process's, or the figures of several added up
 *   would be a multiple of what was let pass
 */
export function reportOverAdmission(
  decision: Decision,
  passed: RequestCost,
  observer: Pick<Observer, 'overAdmitted'>,
): void {
  for (const { name, meter, limit, used, enforce } of decision.limits) {
    if (enforce !== 'hard' || limit === undefined || used <= limit) continue;
    const units = Math.min(costUnder(passed, meter), used - limit);
    if (units > 0) observer.overAdmitted({ tenantId: decision.tenantId, limit: name, units });
  }
}
