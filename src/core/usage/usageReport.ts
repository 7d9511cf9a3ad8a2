// What the usage API answers for one tenant: every day of the period, from the ledger's rows, which has only days on which
// something happened.
import type { Meters } from '../meter.js';
import { MAX_COUNT } from '../quota/limit.js';
import { datesBetween, type TenantCalendar, type UsageDate } from '../time/calendar.js';
import { type AdjustedFigure, type AdjustmentSum, adjustedFigure, shownOf } from './adjustments.js';
import { type KnownMeters, type MeterFigures, type ReportedMeter, reportMeters } from './reportedMeters.js';
import {
  addHeld,
  bytesOf,
  coverageOf,
  type HeldStorage,
  NOTHING_HELD,
  type StorageFigure,
  storageOfDates,
} from './reportedStorage.js';
import type { StorageDay, StoragePoint } from './storageIntegral.js';

/** Usage of a day or of a period. All numbers are at most 2^53-1 and saturate there. */
export interface UsageFigures extends MeterFigures {
  readonly apiCalls: number;
  /**
   * Average over the covered time, rounded to whole bytes, where no other figure was asked for; 0 where nothing is known
   * (`storageCoverage` is 0 then).
   */
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
  /** What `storageBytes` is, where it is not the average. */
  readonly storage?: StorageFigure;
  /** The team's own meters of the report, by name, where there are any: those that are declared, and others that are in the ledger. */
  readonly meters?: Readonly<Record<string, ReportedMeter>>;
  /** Figures that stand at 2^53-1, the largest number that is counted to, where there are any: what came on top of it is in none. */
  readonly saturated?: readonly string[];
  /** Months (`YYYY-MM`) of the period that were closed, where there are any: what they were then is kept apart. */
  readonly closedMonths?: readonly string[];
}

/** What the ledger knows (`LedgerUsage` of the port has this shape). */
export interface KnownUsage extends KnownMeters {
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
  /** The team's own meters. @defaultValue none */
  readonly meters?: Meters;
  /** @defaultValue `average` */
  readonly storage?: StorageFigure;
}

/** Makes the report: fills in the days that the ledger has no row for, carries storage levels over, and averages them. */
export function buildUsageReport(input: UsageReportInput): UsageReport {
  const { tenantId, from, to, today, usage, calendar, asOfMs, storage: figure = 'average' } = input;
  const dates = datesBetween(from, to < today ? to : today);
  const rows = new Map(usage.days.map((row) => [row.usageDate, row]));
  const storage = storageOfDates(dates, { ...usage, rows, today, calendar, asOfMs });
  const deltas = new Map(usage.adjustments.filter(isOfApiCalls).map(({ usageDate, delta }) => [usageDate, delta]));
  const own = reportMeters({ dates, declared: input.meters ?? NO_METERS, known: usage, today, calendar, asOfMs });
  const daily = dates.map((date, index) => {
    const row = rows.get(date);
    const calls = { recorded: row?.apiCalls ?? 0, delta: deltas.get(date) };
    const hasData = row !== undefined || calls.delta !== undefined || own.datesWithData.has(date);
    return {
      date,
      ...figures(calls, row?.activeUsers ?? 0, shown(storage[index] as HeldStorage, figure)),
      ...own.daily[index],
      ...noDataUnless(hasData),
    };
  });
  // Of the parts and not of the days as they are shown: a day below 0 takes from the others what it has too much.
  const calls = dates.map((date) => ({ recorded: rows.get(date)?.apiCalls ?? 0, delta: deltas.get(date) }));
  const activeUsers = dates.length === 0 ? 0 : usage.activeUsers;
  const sums = figures(
    calls.reduce(addCalls, NO_CALLS),
    activeUsers,
    shown(storage.reduce(addHeld, NOTHING_HELD), figure),
  );
  const totals = { ...sums, ...own.totals, ...noDataUnless(daily.some((day) => !('noData' in day))) };
  const full = [...new Set([totals, ...daily].flatMap(namesAtTheTop))];
  return {
    ...{ tenantId, period: { from, to }, totals, daily, asOf: new Date(asOfMs).toISOString() },
    ...(full.length === 0 ? {} : { saturated: full }),
    ...(figure === 'average' ? {} : { storage: figure }),
    ...(own.meters === undefined ? {} : { meters: own.meters }),
    ...(usage.closedMonths.length === 0 ? {} : { closedMonths: usage.closedMonths }),
  };
}

/** Which of the figures saturate; a corrected one by what was recorded, since a correction takes it off the top. */
function namesAtTheTop({ apiCalls, storageBytes, activeUsers, ...more }: UsageFigures): string[] {
  const { adjustments, meters = {}, meterAdjustments = {} } = more;
  const corrected = Object.entries(meterAdjustments).map(([name, { recorded }]) => [name, recorded] as const);
  const recorded = [['apiCalls', adjustments?.apiCalls.recorded ?? 0] as const, ...corrected];
  const all = [...Object.entries({ apiCalls, storageBytes, activeUsers }), ...Object.entries(meters), ...recorded];
  return all.filter(([, count]) => count >= MAX_COUNT).map(([name]) => name);
}

const NO_METERS: Meters = new Map();

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

type ShownStorage = Pick<UsageFigures, 'storageBytes' | 'storageCoverage'>;

const shown = (held: HeldStorage, figure: StorageFigure): ShownStorage => ({
  storageBytes: bytesOf(held, figure),
  storageCoverage: coverageOf(held),
});

function figures({ recorded, delta }: Calls, activeUsers: number, storage: ShownStorage): UsageFigures {
  const apiCalls = adjustedFigure(saturated(recorded), saturated(delta ?? 0));
  return {
    apiCalls: shownOf(apiCalls),
    storageBytes: storage.storageBytes,
    activeUsers: saturated(activeUsers),
    storageCoverage: storage.storageCoverage,
    ...(delta === undefined ? {} : { adjustments: { apiCalls } }),
  };
}

const saturated = (count: number): number =>
  Math.max(-Number.MAX_SAFE_INTEGER, Math.min(count, Number.MAX_SAFE_INTEGER));
