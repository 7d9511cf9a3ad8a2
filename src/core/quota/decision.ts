// A decision: what became of one request of a tenant, as every reader of it sees it: the response headers, the 429, the
// usage ledger. One value, made once; nobody computes any of its figures again.
import type { UsageDate } from '../time/calendar.js';
import type { CountedWindow } from './chargeReply.js';
import { costUnder, type MeterCost, NO_METER_COSTS, type RequestCost } from './cost.js';
import { saturatingSum } from './counter.js';
import { type EffectiveLimit, type Enforcement, isSliding } from './limit.js';
import type { KeyedBooking } from './remembered.js';
import { fitsAt, segmentMsOf } from './slidingWindow.js';

/** Where one limit of the tenant stands. */
export interface LimitState {
  readonly name: string;
  /** The meter of the team's own that it counts; absent: the quota's own units. */
  readonly meter?: string;
  /** Units in one window; undefined: unlimited. */
  readonly limit: number | undefined;
  /** What the limit does with a request that does not fit. */
  readonly enforce: Enforcement;
  /** Units counted in the window, this request's own included where it was admitted. */
  readonly used: number;
  /** The part of `used` that is out on leases and reservations. */
  readonly held: number;
  /** `limit - used`, never negative; undefined where unlimited. */
  readonly remaining: number | undefined;
  /** First instant of the window that was charged, in milliseconds since 1970; of a sliding one its length before `resetAtMs`. */
  readonly startMs: number;
  /** First instant after that window, in milliseconds since 1970: then the limit is whole again. */
  readonly resetAtMs: number;
  /** Whether the cost did not fit into this limit: it refused the request where it is a hard one, and let it pass otherwise. */
  readonly violated: boolean;
  /** When a cost that did not fit will fit if nothing else is charged, in milliseconds since 1970; `resetAtMs` for a fixed window. */
  readonly fitsAtMs: number;
}

/** What an admission was charged to. `usageMeter` books to this day, also when the response ends on the next one. */
export interface DecisionLabel {
  /** In milliseconds since 1970, by the counter store's clock; by the process's where the store did not answer. */
  readonly decidedAtMs: number;
  /** The tenant's date at that instant. */
  readonly usageDate: UsageDate;
  /** Of the tenant's last reset: a number that only grows; 0 before the first. */
  readonly resetNumber: number;
}

/**
 * `admitted`: charged. `denied`: a hard limit has no room for the cost now. `cost_exceeds_limit`: the cost is above a hard limit
 * and could never pass. `unavailable`: the counter store or the ledger did not answer and the policy refuses. `unconfirmed`:
 * it did not answer and the policy let the request pass. `unknown_tenant`: nobody gave the tenant a setting, and such are refused.
 */
export type DecisionOutcome =
  | 'admitted'
  | 'denied'
  | 'cost_exceeds_limit'
  | 'unavailable'
  | 'unconfirmed'
  | 'unknown_tenant';

/**
 * What becomes of a request while the counter store, or the ledger for a counter that the store forgot, does not answer. `local`:
 * the process counts on from what it last knew, and lets pass what the limit leaves of that. `allow`: it passes. `deny`: 503.
 */
export type StoreErrorPolicy = 'local' | 'allow' | 'deny';

/** A limit reached a threshold, for the first time in its window, over all processes. */
export interface ThresholdCrossing {
  readonly name: string;
  /** In percent: the highest threshold that was reached. */
  readonly level: 80 | 100;
}

/** What became of one request. */
export interface Decision {
  readonly outcome: DecisionOutcome;
  /** Whether the request may go on: `admitted` or `unconfirmed`. */
  readonly allowed: boolean;
  readonly tenantId: string;
  /** Own units asked for. */
  readonly cost: number;
  /** What was asked for in meters of the team's own. */
  readonly meterCosts: readonly MeterCost[];
  readonly label: DecisionLabel;
  /** The tenant's limits, shortest window first; empty where the store did not answer: no figure is ever invented. */
  readonly limits: readonly LimitState[];
  /** Limits that the cost is above, with their number; empty unless the outcome is `cost_exceeds_limit`. */
  readonly exceeded: readonly EffectiveLimit[];
  /** Whether the store may have charged this cost although no answer came. */
  readonly chargeUnknown: boolean;
  /** Whether the cost is an estimate that is held: what it was in the end is booked by its commit, not by this decision. */
  readonly isReservation: boolean;
  /** Own units of an admitted cost that are above a soft limit: of several, the most. */
  readonly overage: number;
  /** The same in meters of the team's own. */
  readonly meterOverages: readonly MeterCost[];
  /** Thresholds that this request was the first to reach. */
  readonly crossed: readonly ThresholdCrossing[];
  /** Version of the tenant's settings that this was decided by; 0 where nothing is set. */
  readonly settingsVersion: number;
  /** Set where the request came under its client's key: whoever tells it again, it is charged and booked once. */
  readonly keyed?: KeyedBooking | undefined;
}

type WithoutStore = Pick<Decision, 'outcome' | 'tenantId' | 'cost'> &
  Partial<Pick<Decision, 'meterCosts' | 'exceeded' | 'chargeUnknown' | 'settingsVersion' | 'isReservation' | 'keyed'>>;

/** A decision that no store took part in: without any figure of a limit. What `made` leaves out is empty, or false. */
export const decisionWithoutStore = (
  made: WithoutStore,
  label: Pick<DecisionLabel, 'decidedAtMs' | 'usageDate'> & { readonly resetNumber?: number },
): Decision => ({
  allowed: made.outcome === 'unconfirmed',
  label: { resetNumber: 0, ...label },
  limits: [],
  exceeded: [],
  chargeUnknown: false,
  isReservation: false,
  meterCosts: NO_METER_COSTS,
  overage: 0,
  meterOverages: NO_METER_COSTS,
  crossed: [],
  settingsVersion: 0,
  ...made,
});

/**
 * The states of a tenant's limits after a cost. `counted[i]` belongs to `limits[i]` and stands as it was before the cost.
 * @param granted whether the cost was charged
 */
export function limitStates(
  limits: readonly EffectiveLimit[],
  counted: readonly CountedWindow[],
  asked: RequestCost,
  granted: boolean,
): LimitState[] {
  return limits.map((limit, index) => {
    const window = counted[index] as CountedWindow;
    const cost = costUnder(asked, limit.meter);
    const most = limit.limit === 'unlimited' ? undefined : limit.limit;
    const used = granted ? saturatingSum(window.used, cost) : window.used;
    const violated = most !== undefined && cost > 0 && cost > most - window.used;
    return {
      name: limit.name,
      ...(limit.meter === undefined ? undefined : { meter: limit.meter }),
      limit: most,
      enforce: limit.enforce,
      used,
      held: window.held,
      remaining: most === undefined ? undefined : Math.max(0, most - used),
      startMs: isSliding(limit.window) ? window.end - limit.window.seconds * 1000 : window.start,
      resetAtMs: window.end,
      violated,
      fitsAtMs: violated ? whenItFits(limit, window, cost) : window.end,
    };
  });
}

function whenItFits(limit: EffectiveLimit, { segments, end }: CountedWindow, cost: number): number {
  if (!isSliding(limit.window) || segments === undefined || limit.limit === 'unlimited') return end;
  return fitsAt(cost, limit.limit, segments, segmentMsOf(limit.window.seconds));
}

/** Units of an admitted cost above the soft limits of its meter: of several, the most. @param meter undefined: own units */
export function overageOf(states: readonly LimitState[], cost: number, meter?: string): number {
  const above = states.map((state) =>
    state.enforce === 'soft' && state.limit !== undefined && state.meter === meter
      ? Math.min(cost, state.used - state.limit)
      : 0,
  );
  return Math.max(0, ...above);
}

/** The hard limits that the cost can never fit, whatever was used. A limit of 0 is not among them: it refuses with 429. */
export function limitsBelowCost(limits: readonly EffectiveLimit[], asked: RequestCost): EffectiveLimit[] {
  return limits.filter(
    ({ limit, enforce, meter }) =>
      enforce === 'hard' && limit !== 'unlimited' && limit > 0 && costUnder(asked, meter) > limit,
  );
}

/** The limits that refused a request. */
export const refusingLimits = (decision: Pick<Decision, 'limits' | 'allowed'>): LimitState[] =>
  decision.allowed ? [] : decision.limits.filter((state) => state.violated && state.enforce === 'hard');

/** The shadow limits that would have refused a request which was admitted. */
export const shadowRefusals = (decision: Pick<Decision, 'limits' | 'allowed'>): LimitState[] =>
  decision.allowed ? decision.limits.filter((state) => state.violated && state.enforce === 'shadow') : [];

/**
 * When a refused cost would fit into every limit that refused it, in milliseconds after the decision. The IETF RateLimit draft asks
 * for no less than the largest violated `t` (`Retry-After` SHOULD NOT come before it); of a sliding window the cost may fit earlier
 * than the window is whole, and `t` says the same instant.
 */
export function retryAfterMs(decision: Decision): number {
  const instants = refusingLimits(decision).map((state) => state.fitsAtMs);
  return Math.max(0, ...instants.map((instant) => instant - decision.label.decidedAtMs));
}
