// What the ledger can be held against: sums of charges with the producers' positions, and days that disagree with their own rows.
import type { UsageDate } from '../../core/time/calendar.js';
import type { DisagreeingDay, RecordedQuery, RecordedSums } from '../../ports/ledgerUpkeep.js';
import { onlyRow, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { readRecorded as readRecordedSql, readUserDays } from './postgres.generated.js';
import { inSession } from './session.js';

export function readRecorded(database: Database, query: RecordedQuery): Promise<RecordedSums> {
  const { tenantId, resetNumber, ranges, producerIds } = query;
  const values = [tenantId, resetNumber, ranges.map(({ first }) => first), ranges.map(({ last }) => last), producerIds];
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const row = onlyRow(await session.query(database.sql(readRecordedSql), values));
    const producers = JSON.parse(textOf(row, 'producers')) as { id: string; last_record: number }[];
    return {
      sums: JSON.parse(textOf(row, 'sums')) as RecordedSums['sums'],
      lastRecords: new Map(producers.map(({ id, last_record }) => [id, last_record])),
    };
  });
}

export function disagreeingDays(
  database: Database,
  tenantId: string,
  from: UsageDate,
  to: UsageDate,
): Promise<readonly DisagreeingDay[]> {
  return inSession(database.pool, database.deadlineMs, async (session) =>
    (await session.query(database.sql(readUserDays), [tenantId, from, to])).map((row) => ({
      usageDate: textOf(row, 'date'),
      activeUsers: wholeOf(row, 'active_users'),
      counted: wholeOf(row, 'counted'),
    })),
  );
}
