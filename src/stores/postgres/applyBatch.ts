// A producer's batch: one transaction whose first statement is the compare-and-set that makes its range count once.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { ApplyOutcome, UsageBatch } from '../../ports/usageLedger.js';
import { applySums } from './applySums.js';
import { applyWithoutPoison } from './applyWithoutPoison.js';
import { wholeOf } from './columns.js';
import type { Database } from './database.js';
import { advanceProducer, readProducer } from './postgres.generated.js';
import { inTransaction, type Session } from './session.js';

export async function applyBatch(database: Database, batch: UsageBatch): Promise<ApplyOutcome> {
  if (!(batch.to > batch.from)) {
    // last_record would not move, and the same range would be applied again and again.
    const range = `${batch.from} to ${batch.to}`;
    throw new TallygateError('ledger_refused', `expected a batch of at least one record, got records ${range}`);
  }
  try {
    // Nearly always nothing is refused, and then a savepoint would cost a small batch two round trips of seven.
    return await attempt(database, batch, async (session) => {
      await applySums(database, session, batch);
      return 0;
    });
  } catch (error) {
    // Rolled back, the step of last_record too: the second transaction begins with the same compare-and-set.
    if (!hasCode(error, 'ledger_refused')) throw error;
    return attempt(database, batch, (session) => applyWithoutPoison(database, session, batch));
  }
}

/** Moves the producer, then runs `applyRows`, which resolves to how many rows were put aside. */
function attempt(
  database: Database,
  batch: UsageBatch,
  applyRows: (session: Session) => Promise<number>,
): Promise<ApplyOutcome> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    // The transaction has begun: see AgoMs.
    const values = [batch.producerId, batch.from, batch.to, batch.allBookedAgoMs?.() ?? null];
    const moved = await session.query(database.sql(advanceProducer), values);
    if (moved.length === 0) return whereItStands(database, session, batch.producerId);
    const quarantined = await applyRows(session);
    return quarantined === 0 ? { outcome: 'applied' } : { outcome: 'applied', quarantined };
  });
}

async function whereItStands(database: Database, session: Session, producerId: string): Promise<ApplyOutcome> {
  const [row] = await session.query(database.sql(readProducer), [producerId]);
  return row === undefined
    ? { outcome: 'unregistered' }
    : { outcome: 'elsewhere', lastRecord: wholeOf(row, 'last_record') };
}
