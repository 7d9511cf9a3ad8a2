// A tenant's quota as the quota API and the command line show it: what holds, joined with where it stands.
import type { CalendarSetting } from '../time/calendar.js';
import type { LimitState } from './decision.js';
import type { EffectiveLimit, Enforcement, LimitSource, LimitWindow } from './limit.js';

/** The body of `GET /api/admin/quotas/:tenantId`. */
export interface QuotaReport {
  readonly tenantId: string;
  readonly plan: string;
  readonly timeZone: string;
  readonly billingAnchorDay: number;
  readonly limits: readonly QuotaReportLimit[];
}

/** One limit. Figures are null where the counter store did not answer: none is invented. `remaining` also where it is unlimited. */
export interface QuotaReportLimit {
  readonly name: string;
  readonly limit: number | 'unlimited';
  readonly source: LimitSource;
  readonly used: number | null;
  /** The part of `used` that is out on leases and reservations. */
  readonly held: number;
  readonly remaining: number | null;
  /** ISO 8601 in UTC. */
  readonly resetAt: string | null;
  /** When an override ends, ISO 8601 in UTC; absent where it has no end. */
  readonly until?: string;
  /** The span that the number is for; absent where it is the fixed window of the limit's name. */
  readonly window?: LimitWindow;
  /** Absent where the limit is hard: what it does not admit is refused. */
  readonly enforce?: Enforcement;
  /** The meter that it counts; absent: the quota's own units. */
  readonly meter?: string;
}

/** What holds for a tenant (`TenantQuota` of the service has this shape). */
export interface HeldQuota {
  readonly plan: string;
  readonly calendar: CalendarSetting;
  readonly limits: readonly EffectiveLimit[];
}

/**
 * Joins what holds with where it stands: `states` of a look, none where the counter store did not answer. What remains is
 * counted from the limit that holds, since a setting may have changed between the look and the reading of it.
 */
export function quotaReport(tenantId: string, quota: HeldQuota, states: readonly LimitState[]): QuotaReport {
  const byName = new Map(states.map((state) => [state.name, state]));
  const { timeZone, billingAnchorDay } = quota.calendar;
  const limits = quota.limits.map(({ name, limit, source, untilMs, window, enforce, meter }): QuotaReportLimit => {
    const state = byName.get(name);
    return {
      name,
      limit,
      source,
      used: state?.used ?? null,
      held: state?.held ?? 0,
      remaining: limit === 'unlimited' || state === undefined ? null : Math.max(0, limit - state.used),
      resetAt: state === undefined ? null : new Date(state.resetAtMs).toISOString(),
      ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
      ...(window === name ? {} : { window }),
      ...(enforce === 'hard' ? {} : { enforce }),
      ...(meter === undefined ? {} : { meter }),
    };
  });
  return { tenantId, plan: quota.plan, timeZone, billingAnchorDay, limits };
}
