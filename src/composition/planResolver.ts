// The app's own `resolvePlan` behind its cache, where there is one, and what the log says of its failures: now and then, by kind,
// and without an end to it where every tenant's call fails.
import type { Plans } from '../core/quota/plans.js';
import type { Clock } from '../ports/clock.js';
import { type PlanFailure, PlanResolver, type ResolvePlan } from '../services/usage/planResolver.js';
import type { QuotaService } from '../services/usage/quotaService.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';

/** What it needs of an installation's settings. */
export interface PlanResolverSettings {
  readonly resolvePlan?: ResolvePlan | undefined;
  readonly config: { readonly plans: Plans };
  readonly log: Log;
}

/** Undefined without `resolvePlan`. */
export function planResolver(
  { resolvePlan, config, log }: PlanResolverSettings,
  settings: QuotaService,
  clock: Clock,
): PlanResolver | undefined {
  if (resolvePlan === undefined) return undefined;
  const onFailure = outageNotice(
    clock,
    (failure: PlanFailure) => failure.kind,
    ({ kind, tenantId, cause }) =>
      log.warn(
        { tenantId, ...(kind === 'unknown_plan' ? { got: String(cause).slice(0, 80) } : { err: cause }) },
        `resolvePlan ${WORDS[kind]}: the plan that it named last holds, else the stored one.`,
      ),
  );
  return new PlanResolver({ resolvePlan, settings, plans: config.plans, clock, onFailure });
}

const WORDS: Readonly<Record<PlanFailure['kind'], string>> = {
  threw: 'failed',
  late: 'did not answer within 250 ms',
  unknown_plan: 'named a plan that is not configured',
  full: 'is asked for too many tenants at once',
};
