// Keeps reported storage levels and works out the days that they change. A late point changes its own day and, through the
// level that is carried over, the later ones that have points; days without any are made when they are asked for.
import { calendarOf } from '../../core/quota/setting.js';
import { dateAt, periodAt, type TenantCalendar } from '../../core/time/calendar.js';
import { integrateDay, type StorageLevel, type StoragePoint } from '../../core/usage/storageIntegral.js';
import type { StoragePointRow } from '../../ports/usageLedger.js';
import { onlyRow, type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import {
  addStorageChanges,
  addStoragePoints,
  dropOldStoragePoints,
  lockTenantStorage,
  readCalendars,
  readStorageLevels,
  readStoragePoints,
} from './postgres.generated.js';
import type { Session } from './session.js';
import { calendarSettingOf } from './settingRow.js';
import { storagePointOf, type TenantStorageDay } from './storageDays.js';

/** A point is accepted up to 35 days back; two more, so that none is dropped while its report is on the way. */
export const POINTS_KEPT_MS = 37 * 86_400_000;

/** Must come first in a transaction's order of locks. Returns the days to write, once their rows are made and locked. */
export async function applyStorage(
  database: Database,
  session: Session,
  points: readonly StoragePointRow[],
): Promise<TenantStorageDay[]> {
  const tenants = [...new Set(points.map((point) => point.tenantId))];
  // The tenants' rows before their points, so that of two writers the second integrates over the points of both.
  await session.query(database.sql(lockTenantStorage), [tenants]);
  const calendars = await session.query(database.sql(readCalendars), [tenants]);
  const keptFromMs = wholeOf(onlyRow(calendars), 'now_ms') - POINTS_KEPT_MS;
  const { accepted, changes } = changesOf(points, calendars, keptFromMs);
  if (accepted.length === 0) return [];
  const [adds, sets] = [accepted.filter(isAdd), accepted.filter((point) => !isAdd(point))];
  if (sets.length > 0) await session.query(database.sql(addStoragePoints), pointColumns(sets));
  if (adds.length > 0) await session.query(database.sql(addStorageChanges), changeColumns(adds));
  const days = await recomputed(database, session, changes);
  await session.query(database.sql(dropOldStoragePoints), [tenants, Math.floor(keptFromMs / 1000)]);
  return days;
}

/** From where on a tenant's days have to be worked out again. */
interface Change {
  readonly tenantId: string;
  readonly calendar: TenantCalendar;
  /** The start of the earliest day that gained a point, and that day's date. */
  readonly startMs: number;
  readonly firstDate: string;
}

/** The points that still count, and what they change. */
function changesOf(
  points: readonly StoragePointRow[],
  calendars: readonly Row[],
  keptFromMs: number,
): { accepted: StoragePointRow[]; changes: Change[] } {
  const byTenant = grouped(points, (point) => point.tenantId);
  const accepted: StoragePointRow[] = [];
  const changes: Change[] = [];
  for (const row of calendars) {
    const tenantId = textOf(row, 'tenant_id');
    const calendar = calendarOf(calendarSettingOf(row));
    // A day that began before what is kept is closed: worked out again from what is left of it, it would be wrong.
    const open = (byTenant.get(tenantId) ?? []).filter(
      (point) =>
        point.atSeconds * 1000 >= keptFromMs && periodAt('day', point.atSeconds * 1000, calendar).start >= keptFromMs,
    );
    if (open.length === 0) continue;
    accepted.push(...open);
    const earliest = open.reduce((least, point) => Math.min(least, point.atSeconds), Number.POSITIVE_INFINITY);
    const { start, firstDate } = periodAt('day', earliest * 1000, calendar);
    changes.push({ tenantId, calendar, startMs: start, firstDate });
  }
  return { accepted, changes };
}

async function recomputed(
  database: Database,
  session: Session,
  changes: readonly Change[],
): Promise<TenantStorageDay[]> {
  const tenants = changes.map((change) => change.tenantId);
  const starts = changes.map((change) => Math.floor(change.startMs / 1000));
  const dates = changes.map((change) => change.firstDate);
  const levels = new Map<string, StorageLevel>();
  for (const row of await session.query(database.sql(readStorageLevels), [tenants, dates])) {
    levels.set(textOf(row, 'tenant_id'), { atSeconds: wholeOf(row, 'at_seconds'), bytes: wholeOf(row, 'bytes') });
  }
  const points = grouped(await session.query(database.sql(readStoragePoints), [tenants, starts]), (row) =>
    textOf(row, 'tenant_id'),
  );
  return changes.flatMap((change) =>
    daysOf(change, (points.get(change.tenantId) ?? []).map(pointOf), levels.get(change.tenantId)),
  );
}

/** Each day of a tenant that has points, integrated with the level that the day before it left. */
function daysOf(
  { tenantId, calendar }: Change,
  points: readonly StoragePoint[],
  levelBefore: StorageLevel | undefined,
): TenantStorageDay[] {
  const days: TenantStorageDay[] = [];
  let level = levelBefore;
  for (const [usageDate, ofDay] of grouped(points, (point) => dateAt(point.atSeconds * 1000, calendar))) {
    const [first] = ofDay;
    if (first === undefined) continue;
    const storage = integrateDay(ofDay, level, periodAt('day', first.atSeconds * 1000, calendar));
    if (storage === undefined) continue;
    days.push({ tenantId, usageDate, storage });
    level = { bytes: storage.lastBytes, atSeconds: storage.lastAtSeconds };
  }
  return days;
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

const pointOf = (row: Row): StoragePoint => ({
  atSeconds: wholeOf(row, 'at_seconds'),
  ...storagePointOf(textOf(row, 'kind'), wholeOf(row, 'bytes'), textOf(row, 'id')),
});

const isAdd = (point: StoragePointRow): boolean => point.kind === 'add';

const pointColumns = (points: readonly StoragePointRow[]): unknown[] => [
  points.map((point) => point.tenantId),
  points.map((point) => point.atSeconds),
  points.map((point) => point.id),
  points.map((point) => point.bytes),
];

const changeColumns = (points: readonly StoragePointRow[]): unknown[] => [
  points.map((point) => point.tenantId),
  points.map((point) => point.atSeconds),
  points.map((point) => point.bytes),
];
