// The team's own meters: the tables of their levels, and how amounts and days of levels become rows.
import { TallygateError } from '../../core/errors.js';
import { saturatingSum } from '../../core/quota/counter.js';
import { isCount, MAX_COUNT } from '../../core/quota/limit.js';
import type { ChargeRow, LevelPointRow, MeterRow } from '../../ports/usageLedger.js';
import type { Database } from './database.js';
import { applyLevels, type LevelTables, type LockedLevels, type SeriesDay, type SeriesPoint } from './levelDays.js';
import {
  addMeterPoints,
  addMeters,
  dropOldMeterPoints,
  readMeterLevels,
  readMeterPoints,
  writeMeterLevels,
} from './postgres.generated.js';
import type { Session } from './session.js';
import { storageDayColumns } from './storageDays.js';

const METER_TABLES: LevelTables = {
  keysOf: (series) => [series.map(({ tenantId }) => tenantId), series.map(({ meter }) => meter)],
  meterOf: (row) => String(row.meter),
  async add(database, session, points) {
    await session.query(database.sql(addMeterPoints), pointColumns(points));
  },
  readLevels: readMeterLevels,
  readPoints: readMeterPoints,
  dropOld: dropOldMeterPoints,
};

/** Returns the days to write, once their rows are made and locked. */
export const applyMeterLevels = (
  database: Database,
  session: Session,
  locked: LockedLevels,
  points: readonly LevelPointRow[],
): Promise<SeriesDay[]> => applyLevels(database, session, METER_TABLES, locked, points);

/** Writes meters: of all rows the last that a transaction locks. */
export async function writeMeters(
  database: Database,
  session: Session,
  given: {
    readonly meters: readonly MeterRow[];
    readonly charges: readonly ChargeRow[];
    readonly levelDays: readonly SeriesDay[];
  },
): Promise<void> {
  const rows = meterRows(given.meters, given.charges, given.levelDays);
  if (rows.length > 0) await session.query(database.sql(addMeters), amountColumns(rows));
  const days = given.levelDays;
  if (days.length === 0) return;
  const [tenants, ...columns] = storageDayColumns(days);
  await session.query(database.sql(writeMeterLevels), [tenants, days.map(({ meter }) => meter), ...columns]);
}

/** One row a tenant, day and meter. What the quota admitted of a meter is its usage, and is told by nobody else. */
function meterRows(
  meters: readonly MeterRow[],
  charges: readonly ChargeRow[],
  levelDays: readonly SeriesDay[],
): MeterRow[] {
  const rows = new Map<string, MeterRow>();
  const add = ({ tenantId, usageDate, meter, amount }: MeterRow): void => {
    // The table's own check would see the sum only: a negative amount could hide in it.
    if (!isCount(amount)) throw refused(meter, amount);
    const name = `${usageDate}${meter.length} ${meter}${tenantId}`;
    rows.set(name, { tenantId, usageDate, meter, amount: saturatingSum(rows.get(name)?.amount ?? 0, amount) });
  };
  for (const row of meters) add(row);
  for (const { tenantId, usageDate, meter, units } of charges) {
    if (meter !== '' && units > 0) add({ tenantId, usageDate, meter, amount: units });
  }
  for (const { tenantId, usageDate, meter } of levelDays) add({ tenantId, usageDate, meter, amount: 0 });
  return [...rows.values()];
}

const refused = (meter: string, amount: number): TallygateError =>
  new TallygateError('ledger_refused', `expected an amount of ${meter} from 0 to ${MAX_COUNT}, got ${amount}`);

const amountColumns = (rows: readonly MeterRow[]): unknown[] => [
  rows.map((row) => row.tenantId),
  rows.map((row) => row.usageDate),
  rows.map((row) => row.meter),
  rows.map((row) => row.amount),
];

const pointColumns = (points: readonly SeriesPoint[]): unknown[] => [
  points.map((point) => point.tenantId),
  points.map((point) => point.meter),
  points.map((point) => point.atSeconds),
  points.map((point) => point.id),
  points.map((point) => point.bytes),
];
