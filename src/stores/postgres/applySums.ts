// Writes added-up usage inside a transaction that has already won its compare-and-set. All writers take locks in one order:
// keys of commits, other keys, tenants' levels, days, users, charges, meters; within each by key. So two of them can wait for each other
// but never in a circle.
import type { ActiveUserRow, CallRow, ChargeRow, UsageSums } from '../../ports/usageLedger.js';
import { applyMeterLevels, writeMeters } from './applyMeters.js';
import { applyStorage } from './applyStorage.js';
import type { Database } from './database.js';
import { lockLevels, type SeriesDay } from './levelDays.js';
import { addCharges, addUsage, mergeActiveUsers, writeStorageDays } from './postgres.generated.js';
import type { Session } from './session.js';
import { storageDayColumns, type TenantStorageDay } from './storageDays.js';
import { takeCommits } from './takeCommits.js';
import { takeKeyed } from './takeKeyed.js';
import { usageDays } from './usageDays.js';

export async function applySums(database: Database, session: Session, given: UsageSums): Promise<void> {
  // First, since what they take may be calls of any day, and levels.
  const { charges, ...ofCommits } = given.commits.length === 0 ? given : await takeCommits(database, session, given);
  const sums = { ...given, ...ofCommits };
  const { users, calls, meters, levels } =
    given.keyed.length === 0 ? sums : { ...sums, ...(await takeKeyed(database, session, sums)) };
  const { storageDays, levelDays } = await levelDaysOf(database, session, { storage: given.storage, levels });
  const days = usageDays(calls, users, storageDays);
  // Every day's row, before anything that depends on its lock.
  if (days.length > 0) await session.query(database.sql(addUsage), callColumns(days));
  if (users.length > 0) await session.query(database.sql(mergeActiveUsers), userColumns(users));
  if (charges.length > 0) await session.query(database.sql(addCharges), chargeColumns(charges));
  if (storageDays.length > 0) await session.query(database.sql(writeStorageDays), storageDayColumns(storageDays));
  await writeMeters(database, session, { meters, charges, levelDays });
}

/** The days that storage and levels change, each once its tenant's lock is held. */
async function levelDaysOf(
  database: Database,
  session: Session,
  { storage, levels }: Pick<UsageSums, 'storage' | 'levels'>,
): Promise<{ storageDays: TenantStorageDay[]; levelDays: SeriesDay[] }> {
  if (storage.length === 0 && levels.length === 0) return { storageDays: [], levelDays: [] };
  const locked = await lockLevels(database, session, [...storage, ...levels]);
  return {
    storageDays: await applyStorage(database, session, locked, storage),
    levelDays: await applyMeterLevels(database, session, locked, levels),
  };
}

const callColumns = (rows: readonly CallRow[]): unknown[] => [
  rows.map((row) => row.tenantId),
  rows.map((row) => row.usageDate),
  rows.map((row) => row.apiCalls),
];

const userColumns = (rows: readonly ActiveUserRow[]): unknown[] => [
  rows.map((row) => row.tenantId),
  rows.map((row) => `${row.month}-01`),
  rows.map((row) => row.userHash.toString('hex')),
  rows.map((row) => row.dayMask),
];

const chargeColumns = (rows: readonly ChargeRow[]): unknown[] => [
  rows.map((row) => row.tenantId),
  rows.map((row) => row.usageDate),
  rows.map((row) => row.meter),
  rows.map((row) => row.resetNumber),
  rows.map((row) => row.units),
  rows.map((row) => row.denied),
  rows.map((row) => row.unconfirmed),
  rows.map((row) => row.overage),
];
