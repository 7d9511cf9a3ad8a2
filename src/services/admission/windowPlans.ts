// The windows of a tenant's limits, computed once for as long as they are the present ones: a request pays for a comparison.
import { planWindows, type WindowPlan } from '../../core/quota/windows.js';
import type { TenantQuota } from '../usage/quotaService.js';

/** Plans by quota. Most tenants share the default quota and so its plan; a plan goes with its quota. */
export class WindowPlans {
  readonly #plans = new WeakMap<TenantQuota, WindowPlan>();

  /** The windows around `nowMs`, by the counter store's clock as far as it is known. */
  around(quota: TenantQuota, nowMs: number): WindowPlan {
    const cached = this.#plans.get(quota);
    // The estimate of the store's clock goes back a little with many replies: the plan is as good as long as its windows hold now.
    if (cached !== undefined && nowMs >= cached.validFromMs && nowMs < cached.validUntilMs) return cached;
    const plan = planWindows(quota.limits, quota.calendar, nowMs);
    this.#plans.set(quota, plan);
    return plan;
  }
}
