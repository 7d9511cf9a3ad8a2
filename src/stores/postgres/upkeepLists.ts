// What the ledger knows of itself: which records are missing, and who has not said that it closed.
import type { GapList, KnownGap, OpenProducer } from '../../ports/ledgerUpkeep.js';
import { onlyRow, optionalWholeOf, type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { ledgerIdentity } from './ledgerIdentity.js';
import {
  askToFlush as askToFlushSql,
  openProducers as openProducersSql,
  readGaps as readGapsSql,
} from './postgres.generated.js';
import { LIVE_MS } from './producers.js';
import { inSession, inTransaction } from './session.js';

const MOST_PRODUCERS = 1_000;

export function readGaps(database: Database, most: number): Promise<GapList> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const rows = await session.query(database.sql(readGapsSql), [most]);
    const [first] = rows;
    return { total: first === undefined ? 0 : wholeOf(first, 'total'), gaps: rows.map(gapOf) };
  });
}

export function openProducers(database: Database): Promise<readonly OpenProducer[]> {
  return inSession(database.pool, database.deadlineMs, async (session) =>
    (await session.query(database.sql(openProducersSql), [LIVE_MS, MOST_PRODUCERS])).map(producerOf),
  );
}

export async function askToFlush(database: Database): Promise<number> {
  // Makes the row that is written to, where nobody has needed it yet.
  await ledgerIdentity(database);
  return inTransaction(database.pool, database.deadlineMs, async (session) =>
    wholeOf(onlyRow(await session.query(database.sql(askToFlushSql), [])), 'asked_at_ms'),
  );
}

const gapOf = (row: Row): KnownGap => ({
  producerId: textOf(row, 'producer_id'),
  from: wholeOf(row, 'from_record'),
  to: wholeOf(row, 'to_record'),
  reason: textOf(row, 'reason'),
  recordedAtMs: wholeOf(row, 'recorded_at_ms'),
});

const producerOf = (row: Row): OpenProducer => ({
  producerId: textOf(row, 'id'),
  host: textOf(row, 'host'),
  pid: wholeOf(row, 'pid'),
  lastRecord: wholeOf(row, 'last_record'),
  hasJournal: wholeOf(row, 'has_journal') === 1,
  lastSeenAtMs: wholeOf(row, 'last_seen_at_ms'),
  isLive: wholeOf(row, 'is_live') === 1,
  flushedUntilMs: optionalWholeOf(row, 'flushed_until_ms'),
});
