// What the usage API answers for one tenant: every day of the period, from the ledger's rows, which has only days on which
// something happened.
import { datesBetween, dayOf, type Period, type TenantCalendar, type UsageDate } from '../time/calendar.js';
import { type AdjustedFigure, type AdjustmentSum, adjustedFigure, shownOf } from './adjustments.js';
import { integrateDay, type StorageDay, type StorageLevel, type StoragePoint } from './storageIntegral.js';

/** Usage of a day or of a period. All numbers are at most 2^53-1 and saturate there. */
export interface UsageFigures {
  readonly apiCalls: number;
  /** Average over the covered time, rounded to whole bytes; 0 where nothing is known (`storageCoverage` is 0 then). */
  readonly storageBytes: number;
  /** Distinct users: over a period never the sum of its days. */
  readonly activeUsers: number;
  /** For which part of the time, 0 to 1, a storage level is known. */
  readonly storageCoverage: number;
  /**
   * Present where the ledger has no row at all: nobody metered anything, or nobody metered. The figures above are 0 then as they are
   * where something was metered that came to 0. Of storage, `storageCoverage` says it: 0 is no data.
   */
  readonly noData?: true;
  /** Present where a figure above was corrected: what was recorded, and what the corrections add. */
  readonly adjustments?: { readonly apiCalls: AdjustedFigure };
}

/** One day of a report. */
export interface UsageReportDay extends UsageFigures {
  readonly date: UsageDate;
}

/** The body of `GET /api/admin/usage/:tenantId`. */
export interface UsageReport {
  readonly tenantId: string;
  /** As it was asked for, both ends included. */
  readonly period: { readonly from: UsageDate; readonly to: UsageDate };
  readonly totals: UsageFigures;
  /** Every date from `from` to `to` or today, whichever comes first. */
  readonly daily: readonly UsageReportDay[];
  /** Up to when usage is in it: ISO 8601 in UTC. */
  readonly asOf: string;
  /** Months (`YYYY-MM`) of the period that were closed, where there are any: what they were then is kept apart. */
  readonly closedMonths?: readonly string[];
}

/** What the ledger knows (`LedgerUsage` of the port has this shape). */
export interface KnownUsage {
  readonly days: readonly {
    readonly usageDate: UsageDate;
    readonly apiCalls: number;
    readonly activeUsers: number;
    /** Present on days with points. */
    readonly storage?: StorageDay;
  }[];
  /** Distinct over the whole range. */
  readonly activeUsers: number;
  /** The last day with points before the range. */
  readonly storageBefore: StorageDay | undefined;
  /** Points of today, where the range reaches it; those of another day are passed over. */
  readonly pointsOfLastDate: readonly StoragePoint[];
  /** Corrections, added up by day and meter. */
  readonly adjustments: readonly AdjustmentSum[];
  readonly closedMonths: readonly string[];
}

/** What a report is made of. */
export interface UsageReportInput {
  readonly tenantId: string;
  readonly from: UsageDate;
  readonly to: UsageDate;
  /** The tenant's date at `asOfMs`: later days are left out. */
  readonly today: UsageDate;
  readonly usage: KnownUsage;
  readonly calendar: TenantCalendar;
  /** Up to when all of the asking process's usage is known to be in `usage`, in milliseconds since 1970: today counts up to here. */
  readonly asOfMs: number;
}

/** Makes the report: fills in the days that the ledger has no row for, carries storage levels over, and averages them. */
export function buildUsageReport(input: UsageReportInput): UsageReport {
  const { tenantId, from, to, today, usage, asOfMs } = input;
  const dates = datesBetween(from, to < today ? to : today);
  const rows = new Map(usage.days.map((row) => [row.usageDate, row]));
  const storage = storageOf(input, dates, rows);
  const deltas = new Map(usage.adjustments.filter(isOfApiCalls).map(({ usageDate, delta }) => [usageDate, delta]));
  const daily = dates.map((date, index) => {
    const row = rows.get(date);
    const calls = { recorded: row?.apiCalls ?? 0, delta: deltas.get(date) };
    const hasData = row !== undefined || calls.delta !== undefined;
    return { date, ...figures(calls, row?.activeUsers ?? 0, storage[index] as HeldStorage), ...noDataUnless(hasData) };
  });
  // Of the parts and not of the days as they are shown: a day below 0 takes from the others what it has too much.
  const calls = dates.map((date) => ({ recorded: rows.get(date)?.apiCalls ?? 0, delta: deltas.get(date) }));
  const activeUsers = dates.length === 0 ? 0 : usage.activeUsers;
  const sums = figures(calls.reduce(addCalls, NO_CALLS), activeUsers, storage.reduce(addHeld, NOTHING_HELD));
  const totals = { ...sums, ...noDataUnless(daily.some((day) => !('noData' in day))) };
  const report = { tenantId, period: { from, to }, totals, daily, asOf: new Date(asOfMs).toISOString() };
  return usage.closedMonths.length === 0 ? report : { ...report, closedMonths: usage.closedMonths };
}

const noDataUnless = (hasData: boolean): { readonly noData?: true } => (hasData ? {} : { noData: true });

/** Calls as they were recorded, and what corrections add; undefined where there are none. */
interface Calls {
  readonly recorded: number;
  readonly delta: number | undefined;
}

const NO_CALLS: Calls = { recorded: 0, delta: undefined };

const addCalls = (a: Calls, b: Calls): Calls => ({
  recorded: a.recorded + b.recorded,
  delta: a.delta === undefined ? b.delta : a.delta + (b.delta ?? 0),
});

const isOfApiCalls = ({ meter }: AdjustmentSum): boolean => meter === 'api_calls';

/** Storage over some time: of `elapsedMs`, levels were known for `coveredMs`. */
interface HeldStorage {
  readonly byteMs: bigint;
  readonly coveredMs: number;
  readonly elapsedMs: number;
}

const NOTHING_HELD: HeldStorage = { byteMs: 0n, coveredMs: 0, elapsedMs: 0 };

const addHeld = (a: HeldStorage, b: HeldStorage): HeldStorage => ({
  byteMs: a.byteMs + b.byteMs,
  coveredMs: a.coveredMs + b.coveredMs,
  elapsedMs: a.elapsedMs + b.elapsedMs,
});

/** Each date's storage, in order: a level lasts from day to day until another point or 35 days after its own. */
function storageOf(
  { today, usage, calendar, asOfMs }: UsageReportInput,
  dates: readonly UsageDate[],
  rows: ReadonlyMap<UsageDate, KnownUsage['days'][number]>,
): HeldStorage[] {
  let level = levelAfter(usage.storageBefore);
  return dates.map((date) => {
    const day = dayOf(date, calendar);
    if (day === undefined) return NOTHING_HELD;
    // Today's row in the ledger runs to the day's end, which has not been: it counts by its points, up to now.
    const points = date === today ? usage.pointsOfLastDate : [];
    const row = date === today ? undefined : rows.get(date)?.storage;
    const storage = row ?? integrateDay(points, level, day, asOfMs);
    // A level that has ended is unknown from then on, but what is added later goes on from it.
    level = levelAfter(storage) ?? level;
    const elapsedMs = elapsedOf(day, asOfMs);
    return { byteMs: storage?.byteMs ?? 0n, coveredMs: storage?.coveredMs ?? 0, elapsedMs };
  });
}

const levelAfter = (day: StorageDay | undefined): StorageLevel | undefined =>
  day === undefined ? undefined : { bytes: day.lastBytes, atSeconds: day.lastAtSeconds };

const elapsedOf = (day: Period, asOfMs: number): number => Math.max(0, Math.min(day.end, asOfMs) - day.start);

function figures({ recorded, delta }: Calls, activeUsers: number, held: HeldStorage): UsageFigures {
  const apiCalls = adjustedFigure(saturated(recorded), saturated(delta ?? 0));
  return {
    apiCalls: shownOf(apiCalls),
    storageBytes: averageOf(held),
    activeUsers: saturated(activeUsers),
    // A row that was made before a change of zone may know more of its day than the calendar now gives it.
    storageCoverage: held.elapsedMs === 0 ? 0 : Math.min(1, held.coveredMs / held.elapsedMs),
    ...(delta === undefined ? {} : { adjustments: { apiCalls } }),
  };
}

/** Byte-milliseconds over covered milliseconds, to the nearest whole byte. */
export function averageOf({ byteMs, coveredMs }: Pick<StorageDay, 'byteMs' | 'coveredMs'>): number {
  if (coveredMs === 0) return 0;
  const covered = BigInt(coveredMs);
  return saturated(Number((2n * byteMs + covered) / (2n * covered)));
}

const saturated = (count: number): number =>
  Math.max(-Number.MAX_SAFE_INTEGER, Math.min(count, Number.MAX_SAFE_INTEGER));
