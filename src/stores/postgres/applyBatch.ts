// A producer's batch: one transaction whose first statement is the compare-and-set that makes its range count once.
import { TallygateError } from '../../core/errors.js';
import type { ApplyOutcome, UsageBatch } from '../../ports/usageLedger.js';
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
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const values = [batch.producerId, batch.from, batch.to];
    const moved = await session.query(database.sql(advanceProducer), values);
    if (moved.length === 0) return whereItStands(database, session, batch.producerId);
    const quarantined = await applyWithoutPoison(database, session, batch);
    return quarantined === 0 ? { outcome: 'applied' } : { outcome: 'applied', quarantined };
  });
}

async function whereItStands(database: Database, session: Session, producerId: string): Promise<ApplyOutcome> {
  const [row] = await session.query(database.sql(readProducer), [producerId]);
  return row === undefined
    ? { outcome: 'unregistered' }
    : { outcome: 'elsewhere', lastRecord: wholeOf(row, 'last_record') };
}
