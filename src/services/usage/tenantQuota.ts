// What holds for one tenant, made from its setting and the configured plans. One object as long as nothing changes, so that
// whatever is computed from it (windows, leases, remembered denials) can be kept beside it and goes with it.
import { effectiveLimits, firstEndMs } from '../../core/quota/effectiveLimits.js';
import type { EffectiveLimit } from '../../core/quota/limit.js';
import type { Plans } from '../../core/quota/plans.js';
import { calendarOf, EMPTY_SETTING, isSet, type StoredSetting } from '../../core/quota/setting.js';
import type { TenantCalendar } from '../../core/time/calendar.js';

/** What holds for one tenant. */
export interface TenantQuota {
  readonly plan: string;
  /** `default`: nobody gave the tenant a plan, neither a setting nor the app's `resolvePlan`. */
  readonly planSource: 'plan' | 'default';
  /** Whether anything was set for this tenant. */
  readonly hasSetting: boolean;
  /** Whether somebody knows this tenant: it has a setting, or `resolvePlan` named its plan. */
  readonly known: boolean;
  readonly calendar: TenantCalendar;
  /** Shortest window first. */
  readonly limits: readonly EffectiveLimit[];
  /** Of the last reset: what was charged under a lower one counts as 0. */
  readonly resetNumber: number;
  /** Version of the setting that this is made from; 0 where the tenant has no row. */
  readonly version: number;
  /** The first end of an override, in milliseconds since 1970; Infinity where none ends. The quota holds until then. */
  readonly validUntilMs: number;
}

/** The part of a tenant's row that its quota is made from. */
export interface HeldSetting extends StoredSetting {
  readonly resetNumber: number;
  readonly version: number;
}

/** Of a tenant without a row. */
export const NO_SETTING: HeldSetting = { ...EMPTY_SETTING, resetNumber: 0, version: 0 };

/** What is configured. */
export interface QuotaRules {
  readonly plans: Plans;
  /** The plan of a tenant that has none; one of `plans`. */
  readonly defaultPlan: string;
  /** False: every hard limit is a shadow of itself (`QUOTA_ENFORCE`). */
  readonly enforced: boolean;
}

/**
 * What a setting means at `nowMs`, by the process's clock.
 * @param resolvedPlan what the app's `resolvePlan` says: it wins over the stored plan
 */
export function tenantQuotaOf(
  setting: HeldSetting,
  rules: QuotaRules,
  nowMs: number,
  resolvedPlan?: string,
): TenantQuota {
  // A plan that the configuration no longer has must not leave its tenants without limits: they fall to the default plan.
  const named = [resolvedPlan, setting.plan].find((plan) => plan !== undefined && rules.plans.has(plan));
  const plan = named ?? rules.defaultPlan;
  const planSource = named === undefined ? 'default' : 'plan';
  const hasSetting = isSet(setting);
  return {
    plan,
    planSource,
    hasSetting,
    known: hasSetting || resolvedPlan !== undefined,
    calendar: calendarOf(setting),
    limits: effectiveLimits({
      planned: rules.plans.get(plan) ?? [],
      planSource,
      overrides: setting.limits,
      nowMs,
      enforced: rules.enforced,
    }),
    resetNumber: setting.resetNumber,
    version: setting.version,
    validUntilMs: firstEndMs(setting.limits, nowMs),
  };
}
