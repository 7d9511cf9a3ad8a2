// Rows that were put aside: shown, applied after all, or given up.
import { hasCode } from '../../core/errors.js';
import type { QuarantinedRow, QuarantineList, RetryOutcome } from '../../ports/ledgerUpkeep.js';
import { applySums } from './applySums.js';
import { type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { readQuarantine as readQuarantineSql, takeQuarantined } from './postgres.generated.js';
import { sumsOfQuarantined } from './quarantinedContent.js';
import { inSession, inTransaction } from './session.js';

export function readQuarantine(database: Database, most: number): Promise<QuarantineList> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const rows = await session.query(database.sql(readQuarantineSql), [most]);
    const [first] = rows;
    return { total: first === undefined ? 0 : wholeOf(first, 'total'), rows: rows.map(rowOf) };
  });
}

export async function retryQuarantined(database: Database, id: string): Promise<RetryOutcome> {
  try {
    return await inTransaction(database.pool, database.deadlineMs, async (session): Promise<RetryOutcome> => {
      // Taken first: its lock is what lets a row count once.
      const [taken] = await session.query(database.sql(takeQuarantined), [id]);
      if (taken === undefined) return { outcome: 'unknown' };
      const row = rowOf(taken);
      await applySums(database, session, sumsOfQuarantined(row));
      return { outcome: 'applied', row };
    });
  } catch (error) {
    // The transaction is rolled back, and the row is where it was.
    if (!hasCode(error, 'ledger_refused')) throw error;
    return { outcome: 'refused', reason: error.message };
  }
}

export function discardQuarantined(database: Database, id: string): Promise<QuarantinedRow | undefined> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const [taken] = await session.query(database.sql(takeQuarantined), [id]);
    return taken === undefined ? undefined : rowOf(taken);
  });
}

const rowOf = (row: Row): QuarantinedRow => ({
  id: textOf(row, 'id'),
  producerId: textOf(row, 'producer_id'),
  from: wholeOf(row, 'from_record'),
  to: wholeOf(row, 'to_record'),
  kind: textOf(row, 'kind'),
  content: textOf(row, 'content'),
  reason: textOf(row, 'reason'),
  quarantinedAtMs: wholeOf(row, 'quarantined_at_ms'),
});
