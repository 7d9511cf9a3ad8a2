// The rows of those who feed the ledger: made, touched, listed, forgotten. Only applyBatch moves how far one has come.
import type { AllBooked, LiveProducer, ProducerHolder } from '../../ports/usageLedger.js';
import { onlyRow, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import {
  collectBookingKeys,
  collectKeys,
  collectProducers,
  newProducerId as newProducerIdSql,
  otherLiveProducers as otherLiveProducersSql,
  registerProducer as registerProducerSql,
  touchProducer as touchProducerSql,
} from './postgres.generated.js';
import { inSession, inTransaction } from './session.js';

/**
 * Without a journal nothing outlives its process, and no batch is resent for this long. An id beyond it is refused, so a row
 * that was collected cannot come back at 0 and count its records again.
 */
export const MINIMUM_AGE_MS = 24 * 3_600_000;
/** A journal may be found by a machine that was off for weeks. */
export const JOURNAL_MINIMUM_AGE_MS = 35 * 24 * 3_600_000;
/** Keys of what is booked once are kept as long as late usage is accepted. */
const KEYS_KEPT_DAYS = 35;
/** A live process touches its row every 3 minutes. */
export const LIVE_MS = 10 * 60_000;

export function newProducerId(database: Database): Promise<string> {
  return inSession(database.pool, database.deadlineMs, async (session) =>
    textOf(onlyRow(await session.query(database.sql(newProducerIdSql), [])), 'id'),
  );
}

export function registerProducer(
  database: Database,
  producerId: string,
  holder: ProducerHolder,
): Promise<'registered' | 'refused'> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const minimumAgeMs = holder.hasJournal === true ? JOURNAL_MINIMUM_AGE_MS : MINIMUM_AGE_MS;
    const values = [producerId, holder.host, holder.pid, minimumAgeMs, holder.hasJournal === true];
    const row = onlyRow(await session.query(database.sql(registerProducerSql), values));
    return wholeOf(row, 'registered') === 1 ? 'registered' : 'refused';
  });
}

export function touchProducer(
  database: Database,
  producerId: string,
  closed: boolean,
  allBooked: AllBooked | undefined,
): Promise<number | undefined> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const values = [producerId, closed, allBooked?.record ?? null, allBooked?.agoMs() ?? null];
    const [row] = await session.query(database.sql(touchProducerSql), values);
    await session.query(database.sql(collectProducers), [MINIMUM_AGE_MS, JOURNAL_MINIMUM_AGE_MS]);
    await session.query(database.sql(collectKeys), [KEYS_KEPT_DAYS]);
    await session.query(database.sql(collectBookingKeys), [KEYS_KEPT_DAYS]);
    return row === undefined ? undefined : wholeOf(row, 'last_record');
  });
}

export function otherLiveProducers(database: Database, producerId: string): Promise<readonly LiveProducer[]> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const rows = await session.query(database.sql(otherLiveProducersSql), [producerId, LIVE_MS]);
    return rows.map((row) => ({ producerId: textOf(row, 'id'), host: textOf(row, 'host'), pid: wholeOf(row, 'pid') }));
  });
}
