// Usage as an app tells of it and asks for it outside of requests. Ids and amounts are checked here, since no route did.
import { type Fault, invalidRequest } from '../core/errors.js';
import { isCount } from '../core/quota/limit.js';
import { resolveId, userIdFault } from '../core/tenantId.js';
import { dateAt } from '../core/time/calendar.js';
import type { Completeness } from '../core/usage/completeness.js';
import { isWithinReach } from '../core/usage/reach.js';
import { type UsagePeriod, usagePeriodFaults } from '../core/usage/usagePeriod.js';
import type { UsageReport } from '../core/usage/usageReport.js';
import { amountFault, checkedTenant, type Id, opened } from './callerInput.js';
import type { Composition } from './compose.js';

/** What a tenant used. At least one of the amounts. */
export interface UsageIncrements {
  /** API calls to add: whole, from 0 to 2^53-1. */
  readonly apiCalls?: number;
  /** A user to count as active. */
  readonly user?: Id;
  /** The tenant's storage from then on, in whole bytes from 0 to 2^53-1. */
  readonly storageBytes?: number;
  /**
   * When it happened: at most 35 days back and 5 minutes ahead.
   * @defaultValue now
   */
  readonly at?: Date;
}

/** Usage, for what is no HTTP request. */
export interface UsageCalls {
  /**
   * Meters usage that no request brought. It is in the ledger with the next flush.
   * @throws TallygateError `invalid_request`, `not_ready` where the start did not come within 15 s
   * @example
   * await tallygate.usage.record('acme', { apiCalls: 1, user: 'u-17' });
   */
  record(tenantId: Id, increments: UsageIncrements): Promise<void>;
  /**
   * The tenant's usage by day and in total.
   * @param period days `YYYY-MM-DD`, both inclusive, at most 366. Default: the tenant's current calendar month up to today
   * @throws TallygateError `invalid_request`, `tenant_not_found`, `ledger_unavailable`, `not_ready`
   */
  query(tenantId: Id, period?: UsagePeriod): Promise<UsageReport & Completeness>;
}

/** See {@link UsageCalls}. */
export function usageCalls(composition: Composition, wallMs: () => number): UsageCalls {
  const { admission, quotaService, usageRecorder, usageService } = composition;

  async function record(tenantId: Id, increments: UsageIncrements): Promise<void> {
    const id = checkedTenant(tenantId);
    const { apiCalls, storageBytes, user, at } = checkedIncrements(increments, wallMs());
    await opened(admission);
    const usageDate = dateAt(at, quotaService.quotaOf(id).calendar);
    if (storageBytes !== undefined) usageRecorder.recordStorage(id, storageBytes, at);
    if (apiCalls !== undefined) usageRecorder.recordCalls(id, usageDate, apiCalls);
    if (user !== undefined) usageRecorder.recordUser(id, usageDate, user);
  }

  async function query(tenantId: Id, period?: UsagePeriod): Promise<UsageReport & Completeness> {
    const id = checkedTenant(tenantId);
    const faults = period === undefined ? [] : usagePeriodFaults(period.from, period.to);
    if (faults.length > 0) throw invalidRequest(faults);
    await opened(admission);
    return usageService.query(id, period);
  }

  return { record, query };
}

interface CheckedIncrements {
  readonly apiCalls: number | undefined;
  readonly storageBytes: number | undefined;
  readonly user: string | undefined;
  readonly at: number;
}

const KNOWN_INCREMENTS: readonly string[] = [
  'apiCalls',
  'user',
  'storageBytes',
  'at',
] satisfies (keyof UsageIncrements)[];

function checkedIncrements(increments: UsageIncrements, now: number): CheckedIncrements {
  // From JavaScript anything may come.
  const { apiCalls, storageBytes, user, at } = increments ?? {};
  const faults: Fault[] = Object.keys(increments ?? {})
    .filter((name) => !KNOWN_INCREMENTS.includes(name))
    .map((name) => ({ location: name, message: `expected one of ${KNOWN_INCREMENTS.join(', ')}` }));
  for (const [name, amount] of Object.entries({ apiCalls, storageBytes })) {
    if (amount !== undefined && !isCount(amount)) faults.push(amountFault(name, amount));
  }
  const userId = resolveId(user, userIdFault);
  if (userId.kind === 'fault') faults.push({ location: 'user', message: userId.fault });
  if (apiCalls === undefined && storageBytes === undefined && userId.kind === 'none') {
    faults.push({ location: 'increments', message: 'expected at least one of apiCalls, user and storageBytes' });
  }
  const atMs = at === undefined ? now : at instanceof Date ? at.getTime() : Number.NaN;
  if (!isWithinReach(atMs, now)) {
    faults.push({ location: 'at', message: 'expected a Date at most 35 days back and at most 5 minutes ahead' });
  }
  if (faults.length > 0) throw invalidRequest(faults);
  return { apiCalls, storageBytes, user: userId.kind === 'id' ? userId.id : undefined, at: atMs };
}
