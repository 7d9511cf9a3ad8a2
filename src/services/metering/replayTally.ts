// Lines of an access log, added up by tenant, day and user until a batch is full. Its size is bounded by lines, by rows and by
// the length of their keys, whatever the log holds.

import { type Period, periodAt, type TenantCalendar, type UsageDate } from '../../core/time/calendar.js';
import type { LineReader } from '../../core/usage/accessLog.js';
import { dayBit, monthOf, userHashOf } from '../../core/usage/activeDays.js';
import { type ActiveUserRow, type CallRow, NO_SUMS, type UsageSums } from '../../ports/usageLedger.js';
import type { ReplayReport } from './replayReport.js';

const MAX_BATCH_LINES = 50_000;
// Rows are what a batch costs the ledger: the embedded one takes 5,000 a second of the dearest, those of users never seen, and has
// to be done with them well within its deadline of 10 s, on a busy machine too.
const MAX_BATCH_ROWS = 20_000;
/** Characters of the tenants and users of a batch. */
const MAX_BATCH_KEYS = 8_000_000;
/** Days kept at hand, over all zones. */
const MAX_DAYS = 1000;

/** What a tally needs. */
export interface ReplayTallyParts {
  readonly readLine: LineReader;
  readonly hashKey: Buffer;
  readonly calendarOf: (tenantId: string) => TenantCalendar;
  /** Hears of every line. */
  readonly report: ReplayReport;
}

/**
 * One tenant's part of the open batch. Most tenants of a batch have one day in it: only others get a map, which costs more
 * than everything else about them.
 */
interface TenantSums {
  /** Stands for the tenant in the keys of its users. */
  readonly number: number;
  readonly timeZone: string;
  date: UsageDate;
  apiCalls: number;
  otherDates: Map<UsageDate, number> | undefined;
}

type OpenUser = { -readonly [Field in keyof ActiveUserRow]: ActiveUserRow[Field] };

/** See the head of this file. */
export class ReplayTally {
  readonly #parts: ReplayTallyParts;
  readonly #days = new DayFinder();
  #tenants = new Map<string, TenantSums>();
  /** By tenant's number, month and user. */
  #users = new Map<string, OpenUser>();
  #lines = 0;
  #rows = 0;
  #keys = 0;

  constructor(parts: ReplayTallyParts) {
    this.#parts = parts;
  }

  /** Takes one line into the open batch. A method as a value: it is the cursor's visitor. */
  readonly add = (bytes: Buffer, start: number, end: number, number: number): void => {
    const line = this.#parts.readLine(bytes, start, end);
    this.#lines += 1;
    if (line.outcome === 'broken') this.#parts.report.broken(number, line.reason);
    else if (line.tenant === undefined) this.#parts.report.withoutTenant();
    else this.#meter(line.tenant, line.instantMs, line.user);
  };

  /** Lines in the open batch, also those that add nothing: they too move the position. */
  get lines(): number {
    return this.#lines;
  }

  /** Whether the batch should be applied before more is added. */
  isFull(): boolean {
    return this.#lines >= MAX_BATCH_LINES || this.#rows >= MAX_BATCH_ROWS || this.#keys >= MAX_BATCH_KEYS;
  }

  /** The batch as rows. The tally is empty afterwards. */
  take(): UsageSums {
    const calls: CallRow[] = [];
    for (const [tenantId, { date, apiCalls, otherDates }] of this.#tenants) {
      calls.push({ tenantId, usageDate: date, apiCalls });
      for (const [usageDate, apiCalls] of otherDates ?? []) calls.push({ tenantId, usageDate, apiCalls });
    }
    const users = [...this.#users.values()];
    this.#tenants = new Map();
    this.#users = new Map();
    this.#lines = 0;
    this.#rows = 0;
    this.#keys = 0;
    return { ...NO_SUMS, calls, users };
  }

  #meter(tenantId: string, instantMs: number, userId: string | undefined): void {
    const known = this.#tenants.get(tenantId);
    const timeZone = known?.timeZone ?? this.#parts.calendarOf(tenantId).timeZone;
    const date = this.#days.dateAt(instantMs, timeZone);
    const tenant = known ?? this.#newTenant(tenantId, timeZone, date);
    this.#addCall(tenant, date);
    if (userId !== undefined) this.#addUser(tenantId, tenant, date, userId);
    this.#parts.report.metered(date);
  }

  #newTenant(tenantId: string, timeZone: string, date: UsageDate): TenantSums {
    const tenant = { number: this.#tenants.size, timeZone, date, apiCalls: 0, otherDates: undefined };
    this.#tenants.set(tenantId, tenant);
    this.#parts.report.tenant(tenantId);
    this.#rows += 1;
    this.#keys += tenantId.length;
    return tenant;
  }

  #addCall(tenant: TenantSums, date: UsageDate): void {
    if (date === tenant.date) {
      tenant.apiCalls += 1;
      return;
    }
    tenant.otherDates ??= new Map();
    const calls = tenant.otherDates.get(date);
    if (calls === undefined) this.#rows += 1;
    tenant.otherDates.set(date, (calls ?? 0) + 1);
  }

  #addUser(tenantId: string, tenant: TenantSums, date: UsageDate, userId: string): void {
    const month = monthOf(date);
    const key = `${tenant.number} ${month}${userId}`;
    const known = this.#users.get(key);
    if (known !== undefined) {
      known.dayMask |= dayBit(date);
      return;
    }
    const userHash = userHashOf(this.#parts.hashKey, tenantId, userId);
    this.#users.set(key, { tenantId, month, userHash, dayMask: dayBit(date) });
    this.#rows += 1;
    this.#keys += key.length;
  }
}

/** Dates by instant and zone. Lines come nearly in the order of time, so the day of the last one is nearly always it. */
class DayFinder {
  readonly #zones = new Map<string, Period>();

  /** The date in the present zone: days of long ago ended by no other rule, since nothing was counted by another. */
  dateAt(instantMs: number, timeZone: string): UsageDate {
    const last = this.#zones.get(timeZone);
    if (last !== undefined && instantMs >= last.start && instantMs < last.end) return last.firstDate;
    const day = periodAt('day', instantMs, { timeZone, billingAnchorDay: 1, earlier: [] });
    if (this.#zones.size >= MAX_DAYS) this.#zones.clear();
    this.#zones.set(timeZone, day);
    return day.firstDate;
  }
}
