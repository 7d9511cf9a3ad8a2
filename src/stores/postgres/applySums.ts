// Writes added-up usage inside a transaction that has already won its compare-and-set. All writers take locks in one order:
// keys of commits, storage rows, days, users, charges; within each by key. So two of them can wait for each other but never in a circle.
import type { ActiveUserRow, CallRow, ChargeRow, UsageSums } from '../../ports/usageLedger.js';
import { applyStorage } from './applyStorage.js';
import type { Database } from './database.js';
import { addCharges, addUsage, mergeActiveUsers, writeStorageDays } from './postgres.generated.js';
import type { Session } from './session.js';
import { storageDayColumns } from './storageDays.js';
import { takeCommits } from './takeCommits.js';
import { usageDays } from './usageDays.js';

export async function applySums(database: Database, session: Session, sums: UsageSums): Promise<void> {
  const { users, storage, commits } = sums;
  // First, since what it takes may be calls of any day.
  const { calls, charges } = commits.length === 0 ? sums : await takeCommits(database, session, sums);
  const storageDays = storage.length === 0 ? [] : await applyStorage(database, session, storage);
  const days = usageDays(calls, users, storageDays);
  // Every day's row, before anything that depends on its lock.
  if (days.length > 0) await session.query(database.sql(addUsage), callColumns(days));
  if (users.length > 0) await session.query(database.sql(mergeActiveUsers), userColumns(users));
  if (charges.length > 0) await session.query(database.sql(addCharges), chargeColumns(charges));
  if (storageDays.length > 0) await session.query(database.sql(writeStorageDays), storageDayColumns(storageDays));
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
