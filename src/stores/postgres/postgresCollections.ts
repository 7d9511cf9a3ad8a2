// The collection of storage on PostgreSQL: its claim, how it stands, and the tenants that runs found. Beside postgresLedger, on the
// same tables.
import type {
  ClaimRequest,
  CollectionState,
  NotedTenants,
  StorageCollections,
} from '../../ports/storageCollections.js';
import { onlyRow, optionalTextOf, optionalWholeOf, textOf, wholeOf } from './columns.js';
import { type Database, type DatabaseOptions, databaseOf } from './database.js';
import {
  claimCollection,
  failCollection,
  finishCollection,
  forgetCollected,
  makeCollection,
  noteCollected,
  readCollection,
  readStorageLevels,
  readVanished,
  renewCollection,
} from './postgres.generated.js';
import type { PostgresPool } from './postgresPool.js';
import { inSession, inTransaction, type Session } from './session.js';

/** Later than any day with a point: levels before it are present ones. */
const AFTER_ALL_DAYS = '9999-12-31';
/** A reason is for people; what an error of the app says may be long. */
const MOST_REASON = 500;

/**
 * The collection in the tables of `options.schema`. Makes no connection of its own and ends none.
 * @throws TallygateError `invalid_configuration` where the schema's name cannot be one.
 */
export function postgresCollections(pool: PostgresPool, options: DatabaseOptions): StorageCollections {
  const database = databaseOf(pool, options);
  const write = async (statement: string, values: readonly unknown[]) =>
    inTransaction(pool, database.deadlineMs, (session) => session.query(database.sql(statement), values));
  const reasonOf = (text: string) => [...text.toWellFormed().replaceAll('\0', '')].slice(0, MOST_REASON).join('');
  return {
    state: () => readState(database),
    claim: (request) => claim(database, request),
    renew: async (runNumber, holdMs) => (await write(renewCollection, [runNumber, holdMs])).length > 0,
    note: (runNumber, tenantIds) => note(database, runNumber, tenantIds),
    vanished: (runNumber, most) =>
      inSession(pool, database.deadlineMs, async (session) => {
        const rows = await session.query(database.sql(readVanished), [runNumber, most]);
        return rows.map((row) => textOf(row, 'tenant_id'));
      }),
    forget: async (runNumber, tenantIds) => (await write(forgetCollected, [runNumber, tenantIds])).length,
    finish: async ({ runNumber, claimedAtMs }, tenants) =>
      (await write(finishCollection, [runNumber, claimedAtMs, tenants])).length > 0,
    fail: async (runNumber, failure, retryMs) =>
      void (await write(failCollection, [runNumber, reasonOf(failure), retryMs])),
    release: async (runNumber) => void (await write(failCollection, [runNumber, null, 0])),
  };
}

function readState(database: Database): Promise<CollectionState> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const row = onlyRow(await session.query(database.sql(readCollection), []));
    const collectedAtMs = optionalWholeOf(row, 'collected_at_ms');
    const finished = { runNumber: wholeOf(row, 'finished_run'), tenants: wholeOf(row, 'tenants') };
    return {
      nowMs: wholeOf(row, 'now_ms'),
      runNumber: wholeOf(row, 'run_number'),
      last: collectedAtMs === undefined ? undefined : { ...finished, collectedAtMs, everyMs: wholeOf(row, 'every_ms') },
      claimedUntilMs: optionalWholeOf(row, 'claimed_until_ms'),
      failures: wholeOf(row, 'failures'),
      failure: optionalTextOf(row, 'failure'),
      retryAtMs: optionalWholeOf(row, 'retry_at_ms'),
    };
  });
}

function claim(database: Database, { after, everyMs, holdMs, retryMs }: ClaimRequest) {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    if (after === 0) await session.query(database.sql(makeCollection), []);
    const [row] = await session.query(database.sql(claimCollection), [after, everyMs, holdMs, retryMs]);
    if (row === undefined) return undefined;
    return { runNumber: wholeOf(row, 'run_number'), claimedAtMs: wholeOf(row, 'claimed_at_ms') };
  });
}

function note(database: Database, runNumber: number, tenantIds: readonly string[]): Promise<NotedTenants | undefined> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const noted = onlyRow(await session.query(database.sql(noteCollected), [runNumber, tenantIds]));
    if (wholeOf(noted, 'held') === 0) return undefined;
    const repeated = new Set(JSON.parse(textOf(noted, 'repeated')) as string[]);
    return { levels: await readLevels(database, session, tenantIds), repeated };
  });
}

async function readLevels(database: Database, session: Session, tenantIds: readonly string[]) {
  const dates = tenantIds.map(() => AFTER_ALL_DAYS);
  const rows = await session.query(database.sql(readStorageLevels), [tenantIds, dates]);
  return new Map(
    rows.map((row) => [
      textOf(row, 'tenant_id'),
      { bytes: wholeOf(row, 'bytes'), atMs: wholeOf(row, 'at_seconds') * 1000 },
    ]),
  );
}
