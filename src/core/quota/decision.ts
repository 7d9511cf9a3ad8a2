// A decision: what became of one request of a tenant, as every reader of it sees it: the response headers, the 429, the
// usage ledger. One value, made once; nobody computes any of its figures again.
import type { UsageDate } from '../time/calendar.js';
import type { CountedWindow } from './charge.js';
import type { EffectiveLimit } from './limit.js';

/** Where one limit of the tenant stands. */
export interface LimitState {
  readonly name: string;
  /** Units in one window; undefined: unlimited. */
  readonly limit: number | undefined;
  /** Units counted in the window, this request's own included where it was admitted. */
  readonly used: number;
  /** `limit - used`, never negative; undefined where unlimited. */
  readonly remaining: number | undefined;
  /** First instant of the window that was charged, in milliseconds since 1970. */
  readonly startMs: number;
  /** First instant after that window, in milliseconds since 1970: then the limit is whole again. */
  readonly resetAtMs: number;
  /** Whether this limit is one that refused the request. */
  readonly violated: boolean;
}

/** What an admission was charged to. `usageMeter` books to this day, also when the response ends on the next one. */
export interface DecisionLabel {
  /** In milliseconds since 1970, by the counter store's clock; by the process's where the store did not answer. */
  readonly decidedAtMs: number;
  /** The tenant's date at that instant. */
  readonly usageDate: UsageDate;
  /** How often the tenant's counts were reset before; 0 until the first. */
  readonly resetNumber: number;
}

/**
 * `admitted`: charged. `denied`: a limit has no room for the cost now. `cost_exceeds_limit`: the cost is above a limit
 * and could never pass. `unavailable`: the counter store or the ledger did not answer and the policy refuses. `unconfirmed`:
 * it did not answer and the policy let the request pass.
 */
export type DecisionOutcome = 'admitted' | 'denied' | 'cost_exceeds_limit' | 'unavailable' | 'unconfirmed';

/** What becomes of a request while the counter store, or the ledger for a counter that the store forgot, does not answer. */
export type StoreErrorPolicy = 'allow' | 'deny';

/** What became of one request. */
export interface Decision {
  readonly outcome: DecisionOutcome;
  /** Whether the request may go on: `admitted` or `unconfirmed`. */
  readonly allowed: boolean;
  readonly tenantId: string;
  /** Units asked for. */
  readonly cost: number;
  readonly label: DecisionLabel;
  /** The tenant's limits, shortest window first; empty where the store did not answer: no figure is ever invented. */
  readonly limits: readonly LimitState[];
  /** Limits that the cost is above, with their number; empty unless the outcome is `cost_exceeds_limit`. */
  readonly exceeded: readonly EffectiveLimit[];
  /** Whether the store may have charged this cost although no answer came. */
  readonly chargeUnknown: boolean;
}

/** A decision that no store took part in: without any figure of a limit. What `made` leaves out is empty, or false. */
export const decisionWithoutStore = (
  made: Pick<Decision, 'outcome' | 'tenantId' | 'cost'> & Partial<Pick<Decision, 'exceeded' | 'chargeUnknown'>>,
  label: Pick<DecisionLabel, 'decidedAtMs' | 'usageDate'>,
): Decision => ({
  allowed: made.outcome === 'unconfirmed',
  label: { ...label, resetNumber: 0 },
  limits: [],
  exceeded: [],
  chargeUnknown: false,
  ...made,
});

/** The states of a tenant's limits after a reply. `counted[i]` belongs to `limits[i]`. */
export function limitStates(
  limits: readonly EffectiveLimit[],
  counted: readonly CountedWindow[],
  refusedCost: number | undefined,
): LimitState[] {
  return limits.map((limit, index) => {
    const window = counted[index] as CountedWindow;
    const most = limit.limit === 'unlimited' ? undefined : limit.limit;
    return {
      name: limit.name,
      limit: most,
      used: window.used,
      remaining: most === undefined ? undefined : Math.max(0, most - window.used),
      startMs: window.start,
      resetAtMs: window.end,
      violated: refusedCost !== undefined && most !== undefined && refusedCost > most - window.used,
    };
  });
}

/** The limits that the cost can never fit, whatever was used. A limit of 0 is not among them: it refuses with 429. */
export function limitsBelowCost(limits: readonly EffectiveLimit[], cost: number): EffectiveLimit[] {
  return limits.filter((one) => one.limit !== 'unlimited' && one.limit > 0 && cost > one.limit);
}

/**
 * When a refused cost would fit into every violated window, in milliseconds after the decision: the latest of their ends.
 * The IETF RateLimit draft asks for no less (`Retry-After` SHOULD NOT come before the largest violated `t`).
 */
export function retryAfterMs(decision: Decision): number {
  const ends = decision.limits.filter((state) => state.violated).map((state) => state.resetAtMs);
  return Math.max(0, ...ends.map((end) => end - decision.label.decidedAtMs));
}
