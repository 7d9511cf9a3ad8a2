// Corrections: each booked once under its key, in a row of its own. What they correct stays as it was recorded.
import type { Adjustment, AdjustmentOutcome, BookedAdjustment } from '../../ports/usageBookings.js';
import { onlyRow, type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import {
  addAdjustment as addAdjustmentSql,
  readAdjustment as readAdjustmentSql,
  readAdjustments as readAdjustmentsSql,
} from './postgres.generated.js';
import { inSession, inTransaction } from './session.js';

export function adjust(database: Database, adjustment: Adjustment): Promise<AdjustmentOutcome> {
  const { tenantId, usageDate, meter, delta, reason, author } = adjustment;
  const key = adjustment.key.toString('hex');
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const values = [tenantId, key, usageDate, meter, delta, reason, author];
    const [added] = await session.query(database.sql(addAdjustmentSql), values);
    if (added !== undefined) {
      const booked = { usageDate, meter, delta, reason, author, adjustedAtMs: wholeOf(added, 'adjusted_at_ms') };
      return { outcome: 'booked', adjustment: booked };
    }
    // A statement of its own: only one that begins after the conflict sees the row of a rival that has just committed.
    const present = bookedOf(onlyRow(await session.query(database.sql(readAdjustmentSql), [tenantId, key])));
    // The author is who asked first, and no part of what was asked.
    const isSame =
      present.usageDate === usageDate &&
      present.meter === meter &&
      present.delta === delta &&
      present.reason === reason;
    return isSame ? { outcome: 'repeated', adjustment: present } : { outcome: 'conflict' };
  });
}

export function readAdjustments(
  database: Database,
  { tenantId, from, to, most }: { tenantId: string; from: string; to: string; most: number },
): Promise<readonly BookedAdjustment[]> {
  return inSession(database.pool, database.deadlineMs, async (session) =>
    (await session.query(database.sql(readAdjustmentsSql), [tenantId, from, to, most])).map(bookedOf),
  );
}

const bookedOf = (row: Row): BookedAdjustment => ({
  usageDate: textOf(row, 'usage_date'),
  meter: textOf(row, 'meter'),
  delta: wholeOf(row, 'delta'),
  reason: textOf(row, 'reason'),
  author: textOf(row, 'author'),
  adjustedAtMs: wholeOf(row, 'adjusted_at_ms'),
});
