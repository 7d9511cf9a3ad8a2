// Says in the ledger itself that records are missing from it.
import type { UsageGap } from '../../ports/usageLedger.js';
import type { Database } from './database.js';
import { recordGap as recordGapSql } from './postgres.generated.js';
import { inTransaction } from './session.js';

export function recordGap(database: Database, gap: UsageGap): Promise<void> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    await session.query(database.sql(recordGapSql), [gap.producerId, gap.from, gap.to, gap.reason]);
  });
}
