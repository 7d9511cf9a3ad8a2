// The usage ledger on PostgreSQL, embedded or on a server: the same operations, the same SQL.
import type { UsageLedger } from '../../ports/usageLedger.js';
import { applyBatch } from './applyBatch.js';
import { type DatabaseOptions, databaseOf } from './database.js';
import { ledgerIdentity } from './ledgerIdentity.js';
import type { PostgresPool } from './postgresPool.js';
import { newProducerId, otherLiveProducers, registerProducer, touchProducer } from './producers.js';
import { readUsage } from './readUsage.js';
import { recordGap } from './recordGap.js';
import { applyReplay, replayPosition } from './replaySource.js';
import { sumCharges } from './sumCharges.js';

/**
 * The ledger in the tables of `options.schema`. Makes no connection of its own and ends none.
 * @throws TallygateError `invalid_configuration` where the schema's name cannot be one.
 */
export function postgresLedger(pool: PostgresPool, options: DatabaseOptions): UsageLedger {
  const database = databaseOf(pool, options);
  return {
    identity: () => ledgerIdentity(database),
    newProducerId: () => newProducerId(database),
    registerProducer: (producerId, holder) => registerProducer(database, producerId, holder),
    touchProducer: (producerId, closed, allBooked) => touchProducer(database, producerId, closed, allBooked),
    otherLiveProducers: (producerId) => otherLiveProducers(database, producerId),
    apply: (batch) => applyBatch(database, batch),
    recordGap: (gap) => recordGap(database, gap),
    replayPosition: (source) => replayPosition(database, source),
    applyReplay: (batch) => applyReplay(database, batch),
    readUsage: (tenantId, from, to) => readUsage(database, tenantId, from, to),
    sumCharges: (queries) => sumCharges(database, queries),
  };
}
