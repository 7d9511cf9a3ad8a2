// What a simulation answers: totals, each plan, each tenant. Instants are milliseconds since 1970.
import type { EffectiveLimit } from '../../core/quota/limit.js';
import type { BrokenLine } from '../../core/usage/brokenLines.js';
import type { TriedPlan } from './planTrial.js';
import { emptyCount, type SimulationTally, type TenantTally, type TrialCount } from './simulationTally.js';

/** How often a limit was in the way: a hard one denied, a soft or shadow one let pass what did not fit. */
export interface LimitFinding {
  readonly name: string;
  readonly enforce: EffectiveLimit['enforce'];
  readonly requests: number;
  readonly firstMs: number;
}

/** What a plan would have done. A denied request may have been denied by several limits. */
export interface TrialFinding {
  readonly denied: number;
  readonly firstDeniedMs: number | undefined;
  /** Requests that passed above a soft limit. */
  readonly overage: number;
  /** Requests that passed, and that a shadow limit would have denied. */
  readonly wouldBeDenied: number;
  /** The limits that were in the way, in the plan's order. */
  readonly limits: readonly LimitFinding[];
}

/** A tenant under every plan. */
export interface TenantFinding {
  readonly tenantId: string;
  readonly requests: number;
  /** In the order of the plans. */
  readonly plans: readonly TrialFinding[];
}

/** A plan over all tenants. */
export interface PlanFinding extends TrialFinding {
  readonly name: string;
  readonly plan: readonly EffectiveLimit[];
  readonly tenantsDenied: number;
  /** Requests that were not decided: too many tenants were counting at a time. */
  readonly undecided: number;
}

/** What the lines of the log were. */
export interface LogFinding {
  readonly lines: number;
  readonly requests: number;
  readonly withoutTenant: number;
  readonly broken: number;
  /** The first 1,000 of them. */
  readonly brokenLines: readonly BrokenLine[];
  /** Requests that came out of order by more than can be put right: decided at the instant of those before them. */
  readonly late: number;
  /** Whether the log ends in a line that is not whole: it was passed over. */
  readonly unfinishedLine: boolean;
  /** The first and the last instant of a request; undefined where there is none. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** See the head of this file. */
export interface SimulationReport extends LogFinding {
  readonly tenants: number;
  /** Tenants that ran into a limit of any plan. */
  readonly tenantsAffected: number;
  readonly plans: readonly PlanFinding[];
  /** Every tenant: the most denied first, then those let pass, then by requests and id. Made one by one, since they may be many. */
  readonly byTenant: () => Iterable<TenantFinding>;
}

/** Puts a tally into words. */
export function simulationReport(log: LogFinding, tally: SimulationTally): SimulationReport {
  const affected = [...tally.tenants()].filter(({ counts }) => counts !== undefined);
  return {
    ...log,
    tenants: tally.tenantCount,
    tenantsAffected: affected.length,
    plans: tally.trials.map(({ plan }, index) => ({
      ...planFinding(plan, affected, index),
      undecided: tally.undecided[index] ?? 0,
    })),
    byTenant: () => tenantFindings(tally, affected),
  };
}

function planFinding({ name, limits }: TriedPlan, affected: readonly TenantTally[], index: number) {
  const total = emptyCount(limits.length);
  let tenantsDenied = 0;
  for (const { counts } of affected) {
    const count = counts?.[index];
    if (count === undefined) continue;
    if (count.denied > 0) tenantsDenied += 1;
    addTo(total, count);
  }
  return { name, plan: limits, ...trialFinding(total, limits), tenantsDenied };
}

const earlier = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);

function addTo(total: TrialCount, { denied, firstDeniedMs, overage, wouldBeDenied, limits }: TrialCount): void {
  total.denied += denied;
  total.firstDeniedMs = earlier(total.firstDeniedMs, firstDeniedMs);
  total.overage += overage;
  total.wouldBeDenied += wouldBeDenied;
  for (const [index, limit] of limits.entries()) {
    if (limit === undefined) continue;
    const sum = total.limits[index];
    const requests = limit.requests + (sum?.requests ?? 0);
    total.limits[index] = { requests, firstMs: Math.min(limit.firstMs, sum?.firstMs ?? limit.firstMs) };
  }
}

function trialFinding(count: TrialCount, limits: readonly EffectiveLimit[]): TrialFinding {
  const { denied, firstDeniedMs, overage, wouldBeDenied } = count;
  const met = limits.flatMap(({ name, enforce }, index) => {
    const found = count.limits[index];
    return found === undefined ? [] : [{ name, enforce, requests: found.requests, firstMs: found.firstMs }];
  });
  return { denied, firstDeniedMs, overage, wouldBeDenied, limits: met };
}

function* tenantFindings(tally: SimulationTally, affected: readonly TenantTally[]): Generator<TenantFinding> {
  for (const tenant of affected.toSorted(worstFirst)) yield tenantFinding(tally, tenant);
  const unaffected = [...tally.tenants()].filter(({ counts }) => counts === undefined);
  for (const tenant of unaffected.sort(byRequests)) yield tenantFinding(tally, tenant);
}

const byRequests = (a: TenantTally, b: TenantTally): number =>
  b.requests - a.requests || (a.tenantId < b.tenantId ? -1 : 1);

const worstFirst = (a: TenantTally, b: TenantTally): number =>
  mostOf(b, ({ denied }) => denied) - mostOf(a, ({ denied }) => denied) ||
  mostOf(b, passedAbove) - mostOf(a, passedAbove) ||
  byRequests(a, b);

const mostOf = ({ counts = [] }: TenantTally, figure: (count: TrialCount) => number): number =>
  Math.max(0, ...counts.map(figure));

const passedAbove = ({ overage, wouldBeDenied }: TrialCount): number => overage + wouldBeDenied;

const tenantFinding = (tally: SimulationTally, { tenantId, requests, counts }: TenantTally): TenantFinding => ({
  tenantId,
  requests,
  plans: tally.trials.map(({ plan: { limits } }, index) =>
    trialFinding(counts?.[index] ?? emptyCount(limits.length), limits),
  ),
});
