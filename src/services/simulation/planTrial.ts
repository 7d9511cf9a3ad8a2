// One plan on trial: every request of a log is decided as if every tenant had this plan, by the very rule and store that decide in life.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { DecidedReply } from '../../core/quota/chargeReply.js';
import { ownUnits } from '../../core/quota/cost.js';
import { limitStates } from '../../core/quota/decision.js';
import type { EffectiveLimit } from '../../core/quota/limit.js';
import { isFixedWindow, planWindows, type WindowPlan } from '../../core/quota/windows.js';
import type { TenantCalendar } from '../../core/time/calendar.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';

/** A plan as it is tried. */
export interface TriedPlan {
  /** What the plan is called in the result. */
  readonly name: string;
  readonly limits: readonly EffectiveLimit[];
}

/** What became of one request under one plan. Indexes are those of the plan's limits. */
export interface TrialOutcome {
  readonly isDenied: boolean;
  /** The hard limits that refused it; of a request that passed, the soft and shadow limits that it did not fit. */
  readonly violated: readonly number[];
}

/** What a trial needs of a counter store: one that is full says `counter_store_unavailable`. */
export type TrialCounters = Pick<CounterStore, 'charge'>;

const PASSED: TrialOutcome = { isDenied: false, violated: [] };

/** See the head of this file. */
export class PlanTrial {
  readonly plan: TriedPlan;
  readonly #calendar: TenantCalendar;
  readonly #counters: TrialCounters;
  /** What the counters' clock says. */
  #nowMs = 0;
  /** Whether a request that passed has fitted into every limit. */
  readonly #isHardAlone: boolean;
  /** The windows around the last request: requests come in the order of time, so most need no new ones. */
  #windows: WindowPlan | undefined;

  /** `counters` makes empty ones that follow a clock. */
  constructor(plan: TriedPlan, calendar: TenantCalendar, counters: (clock: Clock) => TrialCounters) {
    this.plan = plan;
    this.#calendar = calendar;
    this.#counters = counters({ wallMs: () => this.#nowMs, monotonicMs: () => this.#nowMs });
    this.#isHardAlone = plan.limits.every(({ enforce }) => enforce === 'hard');
  }

  /**
   * Decides one request of cost 1 at an instant, in milliseconds since 1970; those of one tenant in the order of time. Returns
   * undefined where the counters are full.
   */
  decide(tenantId: string, nowMs: number): TrialOutcome | undefined {
    this.#nowMs = nowMs;
    const reply = this.#charge(tenantId, nowMs);
    if (reply === undefined) return undefined;
    const isGranted = reply.granted[0] === true;
    if (isGranted && this.#isHardAlone) return PASSED;
    const violated = limitStates(this.plan.limits, reply.windows, ownUnits(1), isGranted).flatMap((state, index) =>
      state.violated && (state.enforce === 'hard') !== isGranted ? [index] : [],
    );
    return { isDenied: !isGranted, violated };
  }

  #charge(tenantId: string, nowMs: number): DecidedReply | undefined {
    try {
      const { windows } = this.#windowsAt(nowMs);
      const reply = this.#counters.charge({ tenantId, costs: [1], windows, resetNumber: 0 });
      if (!(reply instanceof Promise) && reply.outcome === 'decided') return reply;
    } catch (error) {
      if (!hasCode(error, 'counter_store_unavailable')) throw error;
      return undefined;
    }
    throw new TallygateError(
      'not_supported',
      'A simulation needs counters that decide at once, by the clock that it sets.',
    );
  }

  #windowsAt(nowMs: number): WindowPlan {
    const known = this.#windows;
    if (known !== undefined && nowMs >= known.validFromMs && nowMs < known.validUntilMs) return known;
    const plan = planWindows(this.plan.limits, this.#calendar, nowMs);
    // Nothing is in the ledger: what was not counted yet is 0, not unknown.
    const windows = plan.windows.map((window) => (isFixedWindow(window) ? { ...window, fromLedger: false } : window));
    this.#windows = { ...plan, windows };
    return this.#windows;
  }
}
