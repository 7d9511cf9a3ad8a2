// What counters can be held against: sums of charges with the producers' positions, and whose there are.
import type { RecordedQuery, RecordedSums } from '../../ports/ledgerUpkeep.js';
import { onlyRow, textOf } from './columns.js';
import type { Database } from './database.js';
import { readRecorded as readRecordedSql, readTenants as readTenantsSql } from './postgres.generated.js';
import { inSession } from './session.js';

export function readRecorded(database: Database, { ranges, producerIds }: RecordedQuery): Promise<RecordedSums> {
  const values = [
    ranges.map(({ tenantId }) => tenantId),
    ranges.map(({ meter }) => meter),
    ranges.map(({ resetNumber }) => resetNumber),
    ranges.map(({ first }) => first),
    ranges.map(({ last }) => last),
    producerIds,
  ];
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const row = onlyRow(await session.query(database.sql(readRecordedSql), values));
    const producers = JSON.parse(textOf(row, 'producers')) as { id: string; last_record: number }[];
    return {
      sums: JSON.parse(textOf(row, 'sums')) as RecordedSums['sums'],
      lastRecords: new Map(producers.map(({ id, last_record }) => [id, last_record])),
    };
  });
}

export function readTenants(database: Database, after: string, most: number): Promise<readonly string[]> {
  return inSession(database.pool, database.deadlineMs, async (session) =>
    (await session.query(database.sql(readTenantsSql), [after, most])).map((row) => textOf(row, 'tenant_id')),
  );
}
