// What the ledger knows of one tenant over a range of its days: one statement, one snapshot.
import { calendarOf } from '../../core/quota/setting.js';
import { addDays, dateAt, datesBetween, type UsageDate } from '../../core/time/calendar.js';
import { daysMask, monthOf } from '../../core/usage/activeDays.js';
import type { AdjustmentSum } from '../../core/usage/adjustments.js';
import type { UsagePeriod } from '../../core/usage/usagePeriod.js';
import type {
  LedgerDay,
  LedgerMeterDay,
  LedgerUsage,
  LevelPointRow,
  StoragePointRow,
} from '../../ports/usageLedger.js';
import { onlyRow, optionalTextOf, type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { readUsage as readUsageSql } from './postgres.generated.js';
import { inSession } from './session.js';
import { calendarSettingOf } from './settingRow.js';
import { type StorageColumns, storageDayOf, storagePointOf } from './storageDays.js';

export function readUsage(database: Database, tenantId: string, from: UsageDate, to: UsageDate): Promise<LedgerUsage> {
  const months = [...new Set(datesBetween(from, to).map(monthOf))];
  const values = [
    tenantId,
    from,
    to,
    months.map((month) => `${month}-01`),
    months.map((month) => daysMask(month, from, to)),
  ];
  return inSession(database.pool, database.deadlineMs, async (session) =>
    usageOf(onlyRow(await session.query(database.sql(readUsageSql), values)), tenantId, { from, to }),
  );
}

function usageOf(row: Row, tenantId: string, { from, to }: UsagePeriod): LedgerUsage {
  const days = JSON.parse(textOf(row, 'days')) as DayColumns[];
  const before = JSON.parse(optionalTextOf(row, 'storage_before') ?? 'null') as DayColumns | null;
  return {
    days: days.map(dayOf),
    activeUsers: wholeOf(row, 'active_users'),
    storageBefore: before === null ? undefined : storageBeforeOf(before),
    pointsOfLastDate: pointsOf(row, tenantId, to),
    meters: meterDaysOf(row, from),
    levelsBefore: levelsBeforeOf(row),
    levelPointsOfLastDate: levelPointsOf(row, tenantId, to),
    overage: overageOf(row, from),
    adjustments: adjustmentsOf(row),
    closedMonths: JSON.parse(textOf(row, 'closed_months')) as string[],
    exists: wholeOf(row, 'has_usage') === 1,
    readAtMs: wholeOf(row, 'now_ms'),
  };
}

interface DayColumns extends StorageColumns {
  readonly date: UsageDate;
  readonly api_calls: number;
  readonly active_users: number;
}

function dayOf(columns: DayColumns): LedgerDay {
  const storage = storageDayOf(columns);
  const counts = { usageDate: columns.date, apiCalls: columns.api_calls, activeUsers: columns.active_users };
  return storage === undefined ? counts : { ...counts, storage };
}

function storageBeforeOf(columns: DayColumns): LedgerUsage['storageBefore'] {
  const storage = storageDayOf(columns);
  return storage === undefined ? undefined : { ...storage, usageDate: columns.date };
}

interface MeterDayColumns {
  /** Days after the first date. */
  readonly day: number;
  readonly meter: string;
  readonly amount: number;
  readonly level: StorageColumns | null;
}

function meterDaysOf(row: Row, from: UsageDate): LedgerMeterDay[] {
  return (JSON.parse(textOf(row, 'meters')) as MeterDayColumns[]).map(({ day, meter, amount, level: columns }) => {
    const level = columns === null ? undefined : storageDayOf(columns);
    const counts = { usageDate: addDays(from, day), meter, amount };
    return level === undefined ? counts : { ...counts, level };
  });
}

function levelsBeforeOf(row: Row): LedgerUsage['levelsBefore'] {
  const days = JSON.parse(textOf(row, 'levels_before')) as (StorageColumns & { date: UsageDate; meter: string })[];
  return days.flatMap(({ date, meter, ...columns }) => {
    const level = storageDayOf(columns);
    return level === undefined ? [] : [{ usageDate: date, meter, level }];
  });
}

function overageOf(row: Row, from: UsageDate): LedgerUsage['overage'] {
  const sums = JSON.parse(textOf(row, 'overage')) as { day: number; meter: string; units: number }[];
  return sums.map(({ day, meter, units }) => ({ usageDate: addDays(from, day), meter, units }));
}

function adjustmentsOf(row: Row): AdjustmentSum[] {
  const sums = JSON.parse(textOf(row, 'adjustments')) as { date: UsageDate; meter: string; delta: number }[];
  return sums.map(({ date, ...sum }) => ({ usageDate: date, ...sum }));
}

interface PointColumns {
  readonly at_seconds: number;
  readonly kind: string;
  readonly bytes: number;
  readonly id: string;
}

function pointsOf(row: Row, tenantId: string, date: UsageDate): StoragePointRow[] {
  const points = JSON.parse(textOf(row, 'points')) as PointColumns[];
  return onDate(points, row, date).map(({ at_seconds: atSeconds, kind, bytes, id }) => ({
    ...{ tenantId, atSeconds },
    ...storagePointOf(kind, bytes, id),
  }));
}

function levelPointsOf(row: Row, tenantId: string, date: UsageDate): LevelPointRow[] {
  const points = JSON.parse(textOf(row, 'level_points')) as (PointColumns & { readonly meter: string })[];
  return onDate(points, row, date).map(({ meter, at_seconds: atSeconds, bytes, id }) => ({
    ...{ tenantId, meter, atSeconds, bytes, id },
  }));
}

/** Of the points around a date those that lie in it, by the calendar of the same snapshot. */
function onDate<Point extends PointColumns>(points: readonly Point[], row: Row, date: UsageDate): Point[] {
  if (points.length === 0) return [];
  const calendar = calendarOf(calendarSettingOf(row));
  return points.filter((point) => dateAt(point.at_seconds * 1000, calendar) === date);
}
