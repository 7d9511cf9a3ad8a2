// What an operator asks of a ledger, on PostgreSQL: beside postgresLedger, on the same tables.
import type { LedgerUpkeep } from '../../ports/ledgerUpkeep.js';
import { type DatabaseOptions, databaseOf } from './database.js';
import { eraseUser } from './eraseUser.js';
import type { PostgresPool } from './postgresPool.js';
import { discardQuarantined, readQuarantine, retryQuarantined } from './quarantine.js';
import { readRecorded, readTenants } from './readAgreement.js';
import { readDisagreements } from './readDisagreements.js';
import { readMissing } from './readMissing.js';
import { askToFlush, openProducers, readGaps } from './upkeepLists.js';

/**
 * The upkeep of the tables of `options.schema`. Makes no connection of its own and ends none.
 * @throws TallygateError `invalid_configuration` where the schema's name cannot be one.
 */
export function postgresUpkeep(pool: PostgresPool, options: DatabaseOptions): LedgerUpkeep {
  const database = databaseOf(pool, options);
  return {
    quarantined: (most) => readQuarantine(database, most),
    retryQuarantined: (id) => retryQuarantined(database, id),
    discardQuarantined: (id) => discardQuarantined(database, id),
    gaps: (most) => readGaps(database, most),
    openProducers: () => openProducers(database),
    askToFlush: () => askToFlush(database),
    missing: (tenantId, from) => readMissing(database, tenantId, from),
    recorded: (query) => readRecorded(database, query),
    tenants: (after, most) => readTenants(database, after, most),
    disagreements: (tenantIds, from, to) => readDisagreements(database, tenantIds, { from, to }),
    eraseUser: (tenantId, userHash) => eraseUser(database, tenantId, userHash),
  };
}
