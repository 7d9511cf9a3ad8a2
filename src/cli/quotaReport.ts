// A tenant's quota as `GET /api/admin/quotas/:tenantId` shows it.

import type { Decision } from '../core/quota/decision.js';
import type { LimitSource } from '../core/quota/limit.js';
import type { CommandQuota } from './installation.js';

/** The body of the quota API's answer. */
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
  readonly held: number;
  readonly remaining: number | null;
  /** ISO 8601 in UTC. */
  readonly resetAt: string | null;
}

/** Where the limits stand; none of them where the counter store did not answer. */
export type Standing = Pick<Decision, 'limits'>;

/** Joins what holds with where it stands. */
export function quotaReport(tenantId: string, quota: CommandQuota, decision: Standing): QuotaReport {
  const states = new Map(decision.limits.map((state) => [state.name, state]));
  const limits = quota.limits.map(({ name, limit, source }): QuotaReportLimit => {
    const state = states.get(name);
    const resetAt = state === undefined ? null : new Date(state.resetAtMs).toISOString();
    return { name, limit, source, used: state?.used ?? null, held: 0, remaining: state?.remaining ?? null, resetAt };
  });
  const { timeZone, billingAnchorDay } = quota.calendar;
  return { tenantId, plan: quota.plan, timeZone, billingAnchorDay, limits };
}
