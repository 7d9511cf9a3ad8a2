// What a simulation has found so far: how many requests each tenant made, and of those that ran into a limit, into which and when.
import type { PlanTrial, TrialOutcome } from './planTrial.js';
import type { RequestTaker } from './timeOrder.js';

/** Tenants told apart: 100 MB. Requests of further ones are counted and not decided. */
const MAX_TENANTS = 500_000;
/** Requests of a tenant that may wait before it has counters: they weigh a tenth of these. */
const MAX_WAITING = 16;

/** How often a limit was in the way, and when for the first time, in milliseconds since 1970. */
export interface LimitCount {
  requests: number;
  readonly firstMs: number;
}

/** What became of one tenant's requests under one plan. */
export interface TrialCount {
  denied: number;
  firstDeniedMs: number | undefined;
  /** Passed above a soft limit. */
  overage: number;
  /** Passed, and a shadow limit would have denied them. */
  wouldBeDenied: number;
  /** By index of the plan's limits. */
  readonly limits: (LimitCount | undefined)[];
}

/** A tenant of the log. */
export interface TenantTally {
  readonly tenantId: string;
  requests: number;
  /** Instants of requests that are not decided yet: as long as there are no more of them than any limit, none runs into one. */
  waiting: number[] | undefined;
  /** By trial; undefined as long as the tenant ran into no limit: most never do. */
  counts: readonly TrialCount[] | undefined;
}

/** A count of nothing. */
export const emptyCount = (limits: number): TrialCount => ({
  denied: 0,
  firstDeniedMs: undefined,
  overage: 0,
  wouldBeDenied: 0,
  limits: Array.from({ length: limits }, () => undefined),
});

/** See the head of this file. */
export class SimulationTally {
  readonly trials: readonly PlanTrial[];
  /** By trial: requests that it had no room to decide. */
  readonly undecided: number[];
  readonly #tenants = new Map<string, TenantTally>();
  /** Requests that fit into every limit of every plan whenever they come. */
  readonly #alwaysFit: number;

  constructor(trials: readonly PlanTrial[]) {
    this.trials = trials;
    this.undecided = trials.map(() => 0);
    const limits = trials.flatMap(({ plan }) => plan.limits.map(({ limit }) => limit));
    this.#alwaysFit = Math.min(MAX_WAITING, ...limits.filter((limit) => limit !== 'unlimited'));
  }

  get tenantCount(): number {
    return this.#tenants.size;
  }

  tenants(): Iterable<TenantTally> {
    return this.#tenants.values();
  }

  /** Takes one request; those of one tenant come in the order of time. A method as a value: it is what the order hands on to. */
  readonly take: RequestTaker = (tenantId, instantMs) => {
    const tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) return this.#begin(tenantId, instantMs);
    tenant.requests += 1;
    if (tenant.waiting === undefined) return this.#decide(tenant, instantMs);
    tenant.waiting.push(instantMs);
    this.#decideWaiting(tenant);
  };

  #begin(tenantId: string, instantMs: number): void {
    if (this.#tenants.size >= MAX_TENANTS) {
      for (const index of this.undecided.keys()) this.#isUndecided(index);
      return;
    }
    const tenant: TenantTally = { tenantId, requests: 1, waiting: [instantMs], counts: undefined };
    this.#tenants.set(tenantId, tenant);
    this.#decideWaiting(tenant);
  }

  /** Decides what waits, once one of them might not fit. */
  #decideWaiting(tenant: TenantTally): void {
    const { waiting = [] } = tenant;
    if (waiting.length <= this.#alwaysFit) return;
    tenant.waiting = undefined;
    for (const instantMs of waiting) this.#decide(tenant, instantMs);
  }

  #decide(tenant: TenantTally, instantMs: number): void {
    for (const [index, trial] of this.trials.entries()) {
      const outcome = trial.decide(tenant.tenantId, instantMs);
      if (outcome === undefined) this.#isUndecided(index);
      else if (outcome.violated.length > 0) this.#count(tenant, index, outcome, instantMs);
    }
  }

  #isUndecided(index: number): void {
    this.undecided[index] = (this.undecided[index] ?? 0) + 1;
  }

  #count(tenant: TenantTally, index: number, { isDenied, violated }: TrialOutcome, instantMs: number): void {
    tenant.counts ??= this.trials.map(({ plan }) => emptyCount(plan.limits.length));
    const count = tenant.counts[index] as TrialCount;
    const { limits } = (this.trials[index] as PlanTrial).plan;
    if (isDenied) {
      count.denied += 1;
      count.firstDeniedMs ??= instantMs;
    } else {
      if (violated.some((limit) => limits[limit]?.enforce === 'soft')) count.overage += 1;
      if (violated.some((limit) => limits[limit]?.enforce === 'shadow')) count.wouldBeDenied += 1;
    }
    for (const limit of violated) {
      const met = count.limits[limit];
      if (met === undefined) count.limits[limit] = { requests: 1, firstMs: instantMs };
      else met.requests += 1;
    }
  }
}
