// Brings the tables up to this version. One transaction a migration, in an order in which any number of processes may try at
// once: the lock before anything is looked at, the migration's own row last.
import { randomUUID } from 'node:crypto';
import { TallygateError } from '../../core/errors.js';
import { type Row, textOf, wholeOf } from './columns.js';
import { type Database, databaseOf, quoted } from './database.js';
import { type MigrationFile, migrationFiles } from './migrationFiles.js';
import { type AppliedMigration, compareHistory, type MigrationHistory } from './migrationHistory.js';
import { createMigrations, readColumns, readMigrations, recordMigration } from './postgres.generated.js';
import { sqlStateOf } from './postgresFault.js';
import type { PostgresPool } from './postgresPool.js';
import { inSession, inTransaction, type Session } from './session.js';
import { missingColumns } from './tables.js';

/** Which schema to migrate, and by which files. */
export interface MigrateOptions {
  /** The PostgreSQL schema that holds the tables; made where it is not there. */
  readonly schema: string;
  /** @defaultValue those that the package ships */
  readonly files?: readonly MigrationFile[];
}

/** How a schema stands, by the names of the migrations. */
export interface MigrationStatus {
  readonly schema: string;
  /** `adopted`: a team's own migrations make the tables; ours are never run there. */
  readonly mode: 'managed' | 'adopted';
  readonly applied: readonly string[];
  /** To be applied by `npx tallygate migrate`. */
  readonly pending: readonly string[];
  /** Applied, and not known to this version: newer ones, or the team's own. */
  readonly unknown: readonly string[];
  /** In an adopted schema: `table.column` of what its owner's migrations have yet to make. */
  readonly missing: readonly string[];
}

/** What a run did. */
export interface MigrationResult extends MigrationStatus {
  /** Applied by this run, in order; empty where another process was first. */
  readonly appliedNow: readonly string[];
}

/** Prisma's key: its own command and ours wait for each other. */
const MIGRATION_LOCK = 72_707_369;
const LOCK_WAIT_MS = 60_000;
/** A table in use is not waited for longer than this: whoever comes behind us would wait as well. */
const TABLE_LOCK_WAIT_MS = 5_000;
/** For one migration: an index on a large table takes its time. */
const MIGRATION_DEADLINE_MS = 3_600_000;
const STATUS_DEADLINE_MS = 10_000;

/** Whether anything keeps this version from working on the schema. */
export const isUpToDate = (status: MigrationStatus): boolean =>
  status.pending.length === 0 && status.missing.length === 0;

/**
 * Reads how a schema stands, changing nothing.
 * @throws TallygateError `ledger_mismatch` (an applied migration was edited or failed, or this version is too old),
 *   `ledger_unavailable`.
 */
export function migrationStatus(pool: PostgresPool, options: MigrateOptions): Promise<MigrationStatus> {
  const { schema, files = migrationFiles() } = options;
  const database = databaseOf(pool, { schema });
  return inSession(pool, STATUS_DEADLINE_MS, async (session) => {
    const columns = await columnsOf(session, database);
    const rows = columns.has('_prisma_migrations.id') ? await appliedRows(session, database) : [];
    return statusOf(schema, compareHistory(schema, files, rows), columns);
  });
}

/**
 * Applies what is pending. In an adopted schema it applies nothing and only looks whether the tables are there.
 * @throws TallygateError as `migrationStatus`; `migrations_pending` where an adopted schema lacks tables or columns;
 *   `ledger_refused` where PostgreSQL refuses a migration. All of them leave the schema as the last whole migration made it.
 */
export async function migrate(pool: PostgresPool, options: MigrateOptions): Promise<MigrationResult> {
  const { schema, files = migrationFiles() } = options;
  const database = databaseOf(pool, { schema });
  const appliedNow: string[] = [];
  // Each turn applies one, so there are at most as many as files, and one to see that nothing is left.
  for (let turn = 0; turn <= files.length; turn++) {
    const name = await applyNext(database, files);
    if (name === undefined) break;
    appliedNow.push(name);
  }
  const status = await migrationStatus(pool, { schema, files });
  if (status.missing.length > 0) throw lacking(status);
  return { ...status, appliedNow };
}

/** One transaction. Returns what it applied, or undefined where nothing was left. */
function applyNext(database: Database, files: readonly MigrationFile[]): Promise<string | undefined> {
  return inTransaction(database.pool, MIGRATION_DEADLINE_MS, async (session) => {
    await session.query(`SET LOCAL statement_timeout = ${LOCK_WAIT_MS}`);
    // Before anything is looked at: each statement after it sees what the holder before committed.
    await session.query('SELECT pg_advisory_xact_lock($1::bigint)', [MIGRATION_LOCK]);
    await session.query(
      `SET LOCAL statement_timeout = ${MIGRATION_DEADLINE_MS}; SET LOCAL lock_timeout = ${TABLE_LOCK_WAIT_MS}`,
    );
    const history = compareHistory(database.schema, files, await prepared(session, database));
    const [next] = history.pending;
    if (next === undefined) return undefined;
    await run(session, database, next);
    return next.name;
  });
}

/** Makes the schema and Prisma's table where they are not there, and returns the table's rows. */
async function prepared(session: Session, database: Database): Promise<AppliedMigration[]> {
  const columns = await columnsOf(session, database);
  if (columns.has('_prisma_migrations.id')) return appliedRows(session, database);
  // Asked for first: IF NOT EXISTS demands the right to create schemas also where there is nothing to create.
  const [schema] = await session.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1::text', [
    database.schema,
  ]);
  if (schema === undefined) await session.query(`CREATE SCHEMA ${quoted(database.schema)}`);
  await session.query(database.sql(createMigrations), []);
  return [];
}

async function run(session: Session, database: Database, file: MigrationFile): Promise<void> {
  try {
    await session.query(`SET LOCAL search_path = ${quoted(database.schema)}`);
    await session.query(file.sql);
    await session.query(database.sql(recordMigration), [randomUUID(), file.checksum, file.name]);
  } catch (error) {
    throw migrationFault(file.name, error);
  }
}

// 55P03 lock not available, 57014 cancelled by a timeout, 40 rolled back, 57P shut down, 08 connection, 53 no resources: those
// are the server's state, and a later run may succeed. The rest is about the statement, the rights or the tables it found.
const PASSING = /^(55P03|57014|40|57P|08|53)/;

function migrationFault(name: string, error: unknown): unknown {
  const state = error instanceof TallygateError ? sqlStateOf(error.cause) : undefined;
  if (state === undefined || PASSING.test(state) || !(error instanceof TallygateError)) return error;
  return new TallygateError('ledger_refused', `Migration ${name} failed and was rolled back: ${error.message}`, {
    cause: error.cause,
  });
}

async function columnsOf(session: Session, database: Database): Promise<Set<string>> {
  const rows = await session.query(database.sql(readColumns), [database.schema]);
  return new Set(rows.map((row) => textOf(row, 'name')));
}

async function appliedRows(session: Session, database: Database): Promise<AppliedMigration[]> {
  return (await session.query(database.sql(readMigrations), [])).map((row: Row) => ({
    name: textOf(row, 'migration_name'),
    checksum: textOf(row, 'checksum'),
    finished: wholeOf(row, 'finished') === 1,
  }));
}

function statusOf(schema: string, history: MigrationHistory, columns: ReadonlySet<string>): MigrationStatus {
  const { mode, applied, pending, unknown } = history;
  const missing = mode === 'adopted' ? missingColumns(columns) : [];
  return { schema, mode, applied, pending: pending.map((file) => file.name), unknown, missing };
}

function lacking({ schema, missing, unknown }: MigrationStatus): TallygateError {
  const shown = missing.slice(0, 5).join(', ') + (missing.length > 5 ? `, and ${missing.length - 5} more` : '');
  return new TallygateError(
    'migrations_pending',
    `Schema "${schema}" has migrations that are not Tallygate's (${unknown.slice(0, 3).join(', ')}), so they have to make its tables, and ${shown} is not there. ` +
      'Copy the models of tallygate/prisma/schema.prisma into your own and migrate, or name another schema by ?schema=.',
  );
}
