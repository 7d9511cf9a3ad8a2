// What windows of tenants were charged, by the ledger: what a counter store that forgot is told.
import type { ChargeSumQuery } from '../../ports/usageLedger.js';
import { wholeOf } from './columns.js';
import type { Database } from './database.js';
import { sumCharges as sumChargesSql } from './postgres.generated.js';
import { inSession } from './session.js';

/** A request waits for this: beyond it the ledger counts as away. */
const SUM_DEADLINE_MS = 2_000;

export async function sumCharges(database: Database, queries: readonly ChargeSumQuery[]): Promise<readonly number[]> {
  if (queries.length === 0) return [];
  return inSession(database.pool, Math.min(SUM_DEADLINE_MS, database.deadlineMs), async (session) => {
    const rows = await session.query(database.sql(sumChargesSql), [
      queries.map((query) => query.tenantId),
      queries.map((query) => query.meter),
      queries.map((query) => query.resetNumber),
      queries.map((query) => query.firstDate),
      queries.map((query) => query.lastDate),
    ]);
    return rows.map((row) => wholeOf(row, 'units'));
  });
}
