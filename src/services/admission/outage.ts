// What an outage leaves behind: counters that began blindly, and what was let pass beyond a limit, measured afterwards.
import type { Decision } from '../../core/quota/decision.js';
import type { WindowPlan } from '../../core/quota/windows.js';
import { isInLedger } from '../../core/quota/windows.js';
import type { Observer } from '../../ports/observer.js';
import type { Floors } from './rehydration.js';

/** Floors for counters that nobody can tell the sum of: what this process last knew, or 0, marked so that the ledger's replaces it. */
export const provisionalFloors = (plan: WindowPlan, lastKnown: Floors): Floors =>
  plan.windows.map((window, index) =>
    isInLedger(window)
      ? { start: window.starts[1], used: lastKnown[index]?.used ?? 0, provisional: true }
      : lastKnown[index],
  );

/**
 * Tells of the hard limits that stand above their number in the first answer after an outage in which the policy let requests of the
 * tenant pass: by then the counters know what every process has flushed.
 */
export function reportOverAdmission(decision: Decision, observer: Pick<Observer, 'overAdmitted'>): void {
  for (const { name, limit, used, enforce } of decision.limits) {
    if (enforce === 'hard' && limit !== undefined && used > limit)
      observer.overAdmitted({ tenantId: decision.tenantId, limit: name, units: used - limit });
  }
}
