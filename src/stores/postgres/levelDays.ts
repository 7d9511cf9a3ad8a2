// Keeps reported levels, of storage or of the team's own meters, and works out the days that they change. A late point changes its own
// day and, through the level that is carried over, the later ones that have points; days without any are made when they are asked for.
import { calendarOf } from '../../core/quota/setting.js';
import { dateAt, periodAt, type TenantCalendar } from '../../core/time/calendar.js';
import { integrateDay, type StorageLevel, type StoragePoint } from '../../core/usage/storageIntegral.js';
import { onlyRow, type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { lockTenantStorage, readCalendars } from './postgres.generated.js';
import type { Session } from './session.js';
import { calendarSettingOf } from './settingRow.js';
import { storagePointOf, type TenantStorageDay } from './storageDays.js';

/** A point is accepted up to 35 days back; two more, so that none is dropped while its report is on the way. */
export const POINTS_KEPT_MS = 37 * 86_400_000;

/** Whose level it is: a meter's of a tenant, or its storage, where `meter` is ''. */
export interface Series {
  readonly tenantId: string;
  readonly meter: string;
}

/** A level, or a change of it, in its series. */
export interface SeriesPoint extends Series, StoragePoint {}

/** A day of a series with what its points integrate to. */
export interface SeriesDay extends Series, TenantStorageDay {}

/** The tables of some series, as the statements over them. Each is given `keysOf` the series first. */
export interface LevelTables {
  readonly keysOf: (series: readonly Series[]) => unknown[];
  readonly meterOf: (row: Row) => string;
  readonly add: (database: Database, session: Session, points: readonly SeriesPoint[]) => Promise<void>;
  /** And the first dates. */
  readonly readLevels: string;
  /** And the first seconds. */
  readonly readPoints: string;
  /** And the second from which on points are kept. */
  readonly dropOld: string;
}

/** What a transaction holds once it has locked the levels of some tenants. */
export interface LockedLevels {
  readonly calendars: ReadonlyMap<string, TenantCalendar>;
  readonly keptFromMs: number;
}

/**
 * Locks the levels of tenants. All of a transaction's in one statement, before any day or point, so that of two writers the second
 * integrates over the points of both, and none waits for the other in a circle.
 */
export async function lockLevels(
  database: Database,
  session: Session,
  points: readonly { readonly tenantId: string }[],
): Promise<LockedLevels> {
  const tenants = [...new Set(points.map((point) => point.tenantId))];
  await session.query(database.sql(lockTenantStorage), [tenants]);
  const rows = await session.query(database.sql(readCalendars), [tenants]);
  return {
    calendars: new Map(rows.map((row) => [textOf(row, 'tenant_id'), calendarOf(calendarSettingOf(row))])),
    keptFromMs: wholeOf(onlyRow(rows.slice(0, 1)), 'now_ms') - POINTS_KEPT_MS,
  };
}

/** Keeps points. Returns the days to write, once their rows are made and locked. */
export async function applyLevels(
  database: Database,
  session: Session,
  tables: LevelTables,
  locked: LockedLevels,
  points: readonly SeriesPoint[],
): Promise<SeriesDay[]> {
  if (points.length === 0) return [];
  const { accepted, changes } = changesOf(points, locked);
  if (accepted.length === 0) return [];
  await tables.add(database, session, accepted);
  const days = await recomputed(database, session, tables, changes);
  const keptFrom = Math.floor(locked.keptFromMs / 1000);
  await session.query(database.sql(tables.dropOld), [...tables.keysOf(changes), keptFrom]);
  return days;
}

/** From where on a series' days have to be worked out again. */
interface Change extends Series {
  readonly calendar: TenantCalendar;
  /** The start of the earliest day that gained a point, and that day's date. */
  readonly startMs: number;
  readonly firstDate: string;
}

/** The points that still count, and what they change. */
function changesOf(
  points: readonly SeriesPoint[],
  { calendars, keptFromMs }: LockedLevels,
): { accepted: SeriesPoint[]; changes: Change[] } {
  const accepted: SeriesPoint[] = [];
  const changes: Change[] = [];
  for (const ofSeries of grouped(points, nameOf).values()) {
    const [{ tenantId, meter }] = ofSeries as [SeriesPoint];
    const calendar = calendars.get(tenantId);
    if (calendar === undefined) continue;
    // A day that began before what is kept is closed: worked out again from what is left of it, it would be wrong.
    const open = ofSeries.filter(
      (point) =>
        point.atSeconds * 1000 >= keptFromMs && periodAt('day', point.atSeconds * 1000, calendar).start >= keptFromMs,
    );
    if (open.length === 0) continue;
    accepted.push(...open);
    const earliest = open.reduce((least, point) => Math.min(least, point.atSeconds), Number.POSITIVE_INFINITY);
    const { start, firstDate } = periodAt('day', earliest * 1000, calendar);
    changes.push({ tenantId, meter, calendar, startMs: start, firstDate });
  }
  return { accepted, changes };
}

async function recomputed(
  database: Database,
  session: Session,
  tables: LevelTables,
  changes: readonly Change[],
): Promise<SeriesDay[]> {
  const keys = tables.keysOf(changes);
  const starts = changes.map((change) => Math.floor(change.startMs / 1000));
  const dates = changes.map((change) => change.firstDate);
  const seriesOf = (row: Row) => nameOf({ tenantId: textOf(row, 'tenant_id'), meter: tables.meterOf(row) });
  const levels = new Map<string, StorageLevel>();
  for (const row of await session.query(database.sql(tables.readLevels), [...keys, dates])) {
    levels.set(seriesOf(row), { atSeconds: wholeOf(row, 'at_seconds'), bytes: wholeOf(row, 'bytes') });
  }
  const points = grouped(await session.query(database.sql(tables.readPoints), [...keys, starts]), seriesOf);
  return changes.flatMap((change) =>
    daysOf(change, (points.get(nameOf(change)) ?? []).map(pointOf), levels.get(nameOf(change))),
  );
}

/** Each day of a series that has points, integrated with the level that the day before it left. */
function daysOf(
  { tenantId, meter, calendar }: Change,
  points: readonly StoragePoint[],
  levelBefore: StorageLevel | undefined,
): SeriesDay[] {
  const days: SeriesDay[] = [];
  let level = levelBefore;
  for (const [usageDate, ofDay] of grouped(points, (point) => dateAt(point.atSeconds * 1000, calendar))) {
    const [first] = ofDay;
    if (first === undefined) continue;
    const storage = integrateDay(ofDay, level, periodAt('day', first.atSeconds * 1000, calendar));
    if (storage === undefined) continue;
    days.push({ tenantId, meter, usageDate, storage });
    level = { bytes: storage.lastBytes, atSeconds: storage.lastAtSeconds };
  }
  return days;
}

/** The length first, so that no two pairs run together. */
const nameOf = ({ tenantId, meter }: Series): string => `${meter.length} ${meter}${tenantId}`;

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
