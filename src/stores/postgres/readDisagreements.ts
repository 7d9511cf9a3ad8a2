// Days of which the ledger says two things. Each question is one statement, and so one snapshot: what is being written is seen whole or
// not at all.
import { calendarOf } from '../../core/quota/setting.js';
import { dateAt, type UsageDate } from '../../core/time/calendar.js';
import { averageOf } from '../../core/usage/reportedStorage.js';
import type { StorageLevel } from '../../core/usage/storageIntegral.js';
import { isSameDay, storageDaysOf } from '../../core/usage/storedDays.js';
import type { DisagreeingFigure, Disagreement } from '../../ports/ledgerUpkeep.js';
import { optionalTextOf, type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { readClosedDays, readMeterDays, readStoredDays, readUserDays } from './postgres.generated.js';
import { inSession, type Session } from './session.js';
import { calendarSettingOf } from './settingRow.js';
import { type StorageColumns, storageDayOf, storagePointOf } from './storageDays.js';

/** Tenants whose points are held at a time. */
const TENANTS_AT_ONCE = 20;

/** Dates, both inclusive. */
interface Dates {
  readonly from: UsageDate;
  readonly to: UsageDate;
}

export function readDisagreements(
  database: Database,
  tenantIds: readonly string[],
  dates: Dates,
): Promise<readonly Disagreement[]> {
  const { from, to } = dates;
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const rows = (sql: string, values: readonly unknown[]) => session.query(database.sql(sql), [tenantIds, ...values]);
    const users = await rows(readUserDays, [from, to]);
    const meters = await rows(readMeterDays, [from, to]);
    const closed = await rows(readClosedDays, [from]);
    const storage: Disagreement[] = [];
    for (let at = 0; at < tenantIds.length; at += TENANTS_AT_ONCE) {
      storage.push(
        ...(await storageOf(database, session, { tenantIds: tenantIds.slice(at, at + TENANTS_AT_ONCE), dates })),
      );
    }
    return [
      ...users.map((row) => disagreementOf(row, 'active_users')),
      ...meters.map((row) => ({ ...disagreementOf(row, 'meter'), meter: textOf(row, 'meter') })),
      ...storage,
      ...closed.map((row) => disagreementOf(row, textOf(row, 'figure') as DisagreeingFigure)),
    ];
  });
}

const disagreementOf = (row: Row, figure: DisagreeingFigure): Disagreement => ({
  tenantId: textOf(row, 'tenant_id'),
  usageDate: textOf(row, 'date'),
  figure,
  recorded: wholeOf(row, 'recorded'),
  counted: wholeOf(row, 'counted'),
});

async function storageOf(
  database: Database,
  session: Session,
  { tenantIds, dates: { from, to } }: { readonly tenantIds: readonly string[]; readonly dates: Dates },
): Promise<Disagreement[]> {
  return (await session.query(database.sql(readStoredDays), [tenantIds, from, to])).flatMap((row) =>
    disagreeingStorage(row, { from, to }),
  );
}

function disagreeingStorage(row: Row, { from, to }: Dates): Disagreement[] {
  const tenantId = textOf(row, 'tenant_id');
  const stored = new Map(
    (JSON.parse(optionalTextOf(row, 'days') ?? '[]') as (StorageColumns & { readonly date: UsageDate })[]).map(
      (columns) => [columns.date, storageDayOf(columns)],
    ),
  );
  const calendar = calendarOf(calendarSettingOf(row));
  const levelBefore = JSON.parse(optionalTextOf(row, 'level_before') ?? 'null') as StorageLevel | null;
  const points = (JSON.parse(optionalTextOf(row, 'points') ?? '[]') as PointColumns[])
    .map(({ at_seconds, kind, bytes, id }) => ({ atSeconds: at_seconds, ...storagePointOf(kind, bytes, id) }))
    .filter(({ atSeconds }) => dateAt(atSeconds * 1000, calendar) >= from);
  const made = storageDaysOf(points, levelBefore ?? undefined, calendar);
  const dates = [...new Set([...stored.keys(), ...made.keys()])].filter((date) => from <= date && date <= to).sort();
  return dates.flatMap((usageDate) => {
    const [recorded, counted] = [stored.get(usageDate), made.get(usageDate)];
    if (recorded !== undefined && counted !== undefined && isSameDay(recorded, counted)) return [];
    const bytes = (day: typeof recorded) => (day === undefined ? 0 : averageOf(day));
    return [{ tenantId, usageDate, figure: 'storage' as const, recorded: bytes(recorded), counted: bytes(counted) }];
  });
}

interface PointColumns {
  readonly at_seconds: number;
  readonly kind: string;
  readonly bytes: number;
  readonly id: string;
}
