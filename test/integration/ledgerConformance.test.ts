// The same guarantees from PostgreSQL on a server, also one whose settings differ from ours in every way, and from the
// embedded database.
import pg from 'pg';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { UsageLedger } from '../../src/ports/usageLedger.js';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { usageLedgerCases } from '../../src/testing/index.js';
import { createDatabase, type TestDatabase } from '../servers/databases.js';
import { embeddedPool } from './embeddedPool.js';

/** A migrated ledger's handles, and the end of it. */
interface Opened {
  readonly ledger: () => UsageLedger;
  readonly close: () => Promise<void>;
}

async function onServer(): Promise<Opened> {
  const database = await createDatabase();
  const pool = createPostgresPool({ url: database.url });
  return opened(pool, 'tallygate', () => end(pool, database));
}

// What an administrator or another user of the database may have set, and parsers of an app's own: nothing of it may matter.
async function onForeignServer(): Promise<Opened> {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const name = `"${new URL(database.url).pathname.slice(1)}"`;
  for (const setting of [
    `DateStyle = 'German, DMY'`,
    `TimeZone = 'Pacific/Kiritimati'`,
    `IntervalStyle = 'sql_standard'`,
    `bytea_output = 'escape'`,
    `default_transaction_isolation = 'serializable'`,
    `search_path = 'nowhere'`,
    `standard_conforming_strings = off`,
  ]) {
    await client.query(`ALTER DATABASE ${name} SET ${setting}`);
  }
  await client.end();
  const types = { getTypeParser: (oid: number) => (text: string) => (oid === 20 ? BigInt(text) : text) };
  const pool = new pg.Pool({ connectionString: database.url, types, max: 8 });
  return opened(pool, 'Other-Schema', () => end(pool, database));
}

async function embedded(): Promise<Opened> {
  const { pool, close } = await embeddedPool();
  return opened(pool, 'tallygate', close);
}

async function opened(pool: OwnedPostgresPool, schema: string, close: () => Promise<void>): Promise<Opened> {
  await migrate(pool, { schema });
  return { ledger: () => postgresLedger(pool, { schema }), close };
}

async function end(pool: { end(): Promise<void> }, database: TestDatabase): Promise<void> {
  await pool.end();
  await database.drop();
}

const LEDGERS: readonly (readonly [name: string, open: () => Promise<Opened>])[] = [
  ['PostgreSQL', onServer],
  ['PostgreSQL with foreign settings, schema and parsers', onForeignServer],
  ['the embedded database', embedded],
];

for (const [name, open] of LEDGERS) {
  describe(name, () => {
    let present: Opened;
    beforeAll(async () => {
      present = await open();
    });
    afterAll(() => present?.close());
    for (const { name: guarantee, run } of usageLedgerCases) test(guarantee, () => run(() => present.ledger()));
  });
}
