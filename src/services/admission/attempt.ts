// One decision on its way: what was asked, and what has happened to it so far.
import type { NewReservation } from '../../core/quota/chargeRequest.js';
import type { TenantQuota } from '../usage/quotaService.js';
import type { Wish } from './leasePool.js';
import type { Undecided } from './outagePolicy.js';

/** See the head of this file. */
export interface Attempt {
  readonly tenantId: string;
  readonly quota: TenantQuota;
  readonly cost: number;
  readonly reserve: NewReservation | undefined;
  readonly arrivedAtMs: number;
  /** From when the store's timeout runs: the arrival, or the end of a reading from the ledger. */
  waitsSinceMs: number;
  calls: number;
  /** The later of what the settings and what the store says. */
  resetNumber: number;
  wish: Wish | undefined;
  /** Whether the store decided it: a policy's decision says nothing of the store's counters. */
  isDecided: boolean;
}

/** Begins one. */
export function begin(
  tenantId: string,
  quota: TenantQuota,
  cost: number,
  arrivedAtMs: number,
  reserve: NewReservation | undefined,
): Attempt {
  return {
    tenantId,
    quota,
    cost,
    reserve,
    arrivedAtMs,
    waitsSinceMs: arrivedAtMs,
    calls: 0,
    resetNumber: quota.resetNumber,
    wish: undefined,
    isDecided: false,
  };
}

/** The same as whoever decides it sees it. */
export const undecidedOf = ({ tenantId, cost, quota, reserve, resetNumber }: Attempt): Undecided => ({
  tenantId,
  cost,
  limits: quota.limits,
  calendar: quota.calendar,
  settingsVersion: quota.version,
  isReservation: reserve !== undefined,
  quota,
  resetNumber,
});
