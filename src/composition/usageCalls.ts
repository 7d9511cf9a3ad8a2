// Usage as an app tells of it and asks for it outside of requests. Ids and amounts are checked here, since no route did.
import { type Fault, invalidRequest } from '../core/errors.js';
import type { Meters } from '../core/meter.js';
import { isCount } from '../core/quota/limit.js';
import { resolveId, userIdFault } from '../core/tenantId.js';
import { dateAt } from '../core/time/calendar.js';
import type { Completeness } from '../core/usage/completeness.js';
import { isWithinReach } from '../core/usage/reach.js';
import { type UsagePeriod, usagePeriodFaults } from '../core/usage/usagePeriod.js';
import type { UsageReport } from '../core/usage/usageReport.js';
import { bookingKey } from '../services/usage/bookingKey.js';
import { amountFault, checkedTenant, type Id, opened } from './callerInput.js';
import type { Composition } from './compose.js';

/** What a tenant used. At least one of apiCalls, user, storageBytes and meter. */
export interface UsageIncrements {
  /** API calls to add: whole, from 0 to 2^53-1. */
  readonly apiCalls?: number;
  /** A user to count as active. */
  readonly user?: Id;
  /** The tenant's storage from then on, in whole bytes from 0 to 2^53-1. */
  readonly storageBytes?: number;
  /**
   * One of the team's own meters, with `value`. What a quota admits of a meter is its usage already, and is not to be recorded once more:
   * this is for work that no quota decides.
   */
  readonly meter?: string;
  /** Of a counter what is added, of a level what it is from `at` on: whole, from 0 to 2^53-1. */
  readonly value?: number;
  /**
   * A name under which apiCalls and meter count once for the tenant, whoever records it again within 35 days, in whatever process:
   * 1 to 512 characters. A user counts once a day anyway; not with storageBytes.
   */
  readonly id?: Id;
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
   * await tallygate.usage.record('acme', { meter: 'tokens', value: 500, id: job.id }); // told again after a crash: counts once
   * await tallygate.usage.record('acme', { meter: 'seats', value: 12 }); // a level: from now on
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
export function usageCalls(composition: Composition, meters: Meters, wallMs: () => number): UsageCalls {
  const { admission, quotaService, usageRecorder, usageService } = composition;

  async function record(tenantId: Id, increments: UsageIncrements): Promise<void> {
    const id = checkedTenant(tenantId);
    const checked = checkedIncrements(increments, meters, wallMs());
    const { apiCalls = 0, storageBytes, user, at, key } = checked;
    await opened(admission);
    const usageDate = dateAt(at, quotaService.quotaOf(id).calendar);
    if (storageBytes !== undefined) usageRecorder.recordStorage(id, storageBytes, at);
    if (user !== undefined) usageRecorder.recordUser(id, usageDate, user);
    const { meter = '', value = 0 } = checked;
    const isLevel = meters.get(meter)?.kind === 'level';
    if (key !== undefined) {
      const use = isLevel ? { amount: 0, level: { value, atMs: at } } : { amount: value, level: undefined };
      usageRecorder.recordOnce(id, { key, usageDate, apiCalls, meter, ...use });
      return;
    }
    usageRecorder.recordCalls(id, usageDate, apiCalls);
    if (isLevel) usageRecorder.recordLevel(id, meter, value, at);
    else if (meter !== '') usageRecorder.recordMeter(id, usageDate, meter, value);
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
  readonly meter: string | undefined;
  readonly value: number | undefined;
  readonly key: Buffer | undefined;
  readonly at: number;
}

const KNOWN_INCREMENTS: readonly string[] = [
  'apiCalls',
  'user',
  'storageBytes',
  'meter',
  'value',
  'id',
  'at',
] satisfies (keyof UsageIncrements)[];

function checkedIncrements(increments: UsageIncrements, meters: Meters, now: number): CheckedIncrements {
  // From JavaScript anything may come.
  const { apiCalls, storageBytes, user, meter, value, id, at } = increments ?? {};
  const faults: Fault[] = Object.keys(increments ?? {})
    .filter((name) => !KNOWN_INCREMENTS.includes(name))
    .map((name) => ({ location: name, message: `expected one of ${KNOWN_INCREMENTS.join(', ')}` }));
  for (const [name, amount] of Object.entries({ apiCalls, storageBytes, value })) {
    if (amount !== undefined && !isCount(amount)) faults.push(amountFault(name, amount));
  }
  const userId = resolveId(user, userIdFault);
  if (userId.kind === 'fault') faults.push({ location: 'user', message: userId.fault });
  faults.push(...meterFaults(increments ?? {}, meters));
  const recordId = resolveId(id, userIdFault);
  if (recordId.kind === 'fault') faults.push({ location: 'id', message: recordId.fault });
  if (recordId.kind === 'id') {
    if (apiCalls === undefined && meter === undefined) {
      faults.push({ location: 'id', message: 'expected with apiCalls or meter only' });
    }
    if (storageBytes !== undefined) faults.push({ location: 'id', message: 'expected without storageBytes' });
  }
  if (apiCalls === undefined && storageBytes === undefined && meter === undefined && userId.kind === 'none') {
    faults.push({ location: 'increments', message: 'expected at least one of apiCalls, user, storageBytes and meter' });
  }
  const atMs = at === undefined ? now : at instanceof Date ? at.getTime() : Number.NaN;
  if (!isWithinReach(atMs, now)) {
    faults.push({ location: 'at', message: 'expected a Date at most 35 days back and at most 5 minutes ahead' });
  }
  if (faults.length > 0) throw invalidRequest(faults);
  return {
    ...{ apiCalls, storageBytes, meter, value, at: atMs },
    user: userId.kind === 'id' ? userId.id : undefined,
    key: recordId.kind === 'id' ? bookingKey('record', recordId.id) : undefined,
  };
}

function meterFaults({ meter, value }: UsageIncrements, meters: Meters): Fault[] {
  if (meter === undefined) {
    return value === undefined ? [] : [{ location: 'meter', message: 'expected the meter of the value, got none' }];
  }
  const faults: Fault[] = value === undefined ? [amountFault('value', value)] : [];
  if (typeof meter === 'string' && meters.has(meter)) return faults;
  const known = meters.size === 0 ? 'no meter, since none is declared' : `one of ${[...meters.keys()].join(', ')}`;
  const shown = typeof meter === 'string' ? JSON.stringify(meter.slice(0, 80)) : typeof meter;
  return [...faults, { location: 'meter', message: `expected ${known}, got ${shown}` }];
}
