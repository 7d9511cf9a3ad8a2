// One decision on its way: what was asked, and what has happened to it so far.
import type { ChargeRequest, NewReservation } from '../../core/quota/chargeRequest.js';
import { costRow, type MeterCost, NO_METER_COSTS, type RequestCost } from '../../core/quota/cost.js';
import type { KeyedRequest } from '../../core/quota/remembered.js';
import type { TenantQuota } from '../usage/quotaService.js';
import type { Wish } from './leasePool.js';
import type { Undecided } from './outagePolicy.js';

/** What a request asks for beside a cost in own units. */
export interface Asked {
  /** Costs in meters of the team's own. @defaultValue none */
  readonly meterCosts?: readonly MeterCost[] | undefined;
  /** Makes it a reservation, if it is admitted. */
  readonly reserve?: NewReservation | undefined;
  /** The key under which its client may tell it again. */
  readonly keyed?: KeyedRequest | undefined;
}

/** Nothing but the cost. */
export const NOTHING_ELSE: Asked = {};

/** See the head of this file. */
export interface Attempt extends RequestCost {
  readonly tenantId: string;
  readonly quota: TenantQuota;
  readonly reserve: NewReservation | undefined;
  readonly keyed: KeyedRequest | undefined;
  readonly arrivedAtMs: number;
  /** From when the store's timeout runs: the arrival, or the end of a reading from the ledger. */
  waitsSinceMs: number;
  calls: number;
  /** The later of what the settings and what the store says. */
  resetNumber: number;
  wish: Wish | undefined;
  /** Whether the store decided it and wrote what came with it: a policy's decision says nothing of the store's counters. */
  isDecided: boolean;
}

/** Begins one. */
export function begin(
  tenantId: string,
  quota: TenantQuota,
  cost: number,
  arrivedAtMs: number,
  { meterCosts = NO_METER_COSTS, reserve, keyed }: Asked = NOTHING_ELSE,
): Attempt {
  return {
    tenantId,
    quota,
    cost,
    meterCosts,
    reserve,
    keyed,
    arrivedAtMs,
    waitsSinceMs: arrivedAtMs,
    calls: 0,
    resetNumber: quota.resetNumber,
    wish: undefined,
    isDecided: false,
  };
}

/** Whether it asks for own units and nothing else: then a block may come with it. */
export const isPlain = ({ cost, meterCosts, reserve, keyed }: Attempt): boolean =>
  cost > 0 && meterCosts.length === 0 && reserve === undefined && keyed === undefined;

/**
 * Whether it charges no counter: a look, or a cost only in meters that nobody limits. For such a one the store writes nothing, floors
 * included.
 * @param meters those of the plan that it is charged by
 */
export const chargesNothing = ({ cost, meterCosts }: RequestCost, meters: readonly string[] = []): boolean =>
  cost === 0 && !meterCosts.some(({ meter }) => meters.includes(meter));

/**
 * The costs as the store is told them: in the meters of the plan, and of a reservation also in those that nobody limits, or the store
 * would see a look, keep nothing of it, and take its commit for one that came too late.
 */
export function toldCosts(
  attempt: Attempt,
  limited: readonly string[] | undefined,
): Pick<ChargeRequest, 'costs' | 'meters'> {
  if (attempt.reserve === undefined) return { costs: costRow(attempt, limited), meters: limited };
  const others = attempt.meterCosts.map(({ meter }) => meter).filter((meter) => limited?.includes(meter) !== true);
  const meters = others.length === 0 ? limited : [...(limited ?? []), ...others];
  return { costs: costRow(attempt, meters), meters };
}

/** The same as whoever decides it sees it. */
export const undecidedOf = ({ tenantId, quota, reserve, keyed, resetNumber, ...asked }: Attempt): Undecided => ({
  tenantId,
  cost: asked.cost,
  meterCosts: asked.meterCosts,
  limits: quota.limits,
  calendar: quota.calendar,
  settingsVersion: quota.version,
  isReservation: reserve !== undefined,
  reserve,
  keyed,
  quota,
  resetNumber,
});
