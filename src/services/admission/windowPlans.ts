// The windows of a tenant's limits, computed once for as long as they are the present ones: a request pays for a comparison.
import { planWindows, type WindowPlan } from '../../core/quota/windows.js';
import type { TenantQuota } from '../usage/quotaService.js';

interface CachedPlan {
  readonly windows: WindowPlan;
  readonly madeAtMs: number;
}

/** Plans by quota. Most tenants share the default quota and so its plan; a plan goes with its quota. */
export class WindowPlans {
  readonly #plans = new WeakMap<TenantQuota, CachedPlan>();

  /** The windows around `nowMs`, by the counter store's clock as far as it is known. */
  around(quota: TenantQuota, nowMs: number): WindowPlan {
    const cached = this.#plans.get(quota);
    // A clock that went back may be before the present windows again.
    if (cached !== undefined && nowMs >= cached.madeAtMs && nowMs < cached.windows.validUntilMs) return cached.windows;
    const windows = planWindows(quota.limits, quota.calendar, nowMs);
    this.#plans.set(quota, { windows, madeAtMs: nowMs });
    return windows;
  }
}
