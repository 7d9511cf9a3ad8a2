// A ledger of a bench: a database of its own on a PostgreSQL that keeps what it says, as a user's would. The server is the bench's own,
// or the one that TEST_DATABASE_URL names; the database goes at the end.
import { join } from 'node:path';
import { Client } from 'pg';
import type { UsageLedger } from '../src/ports/usageLedger.js';
import { postgresLedger } from '../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../src/stores/postgres/postgresPool.js';
import { startProcess } from '../test/servers/childProcess.js';
import { createDatabase } from '../test/servers/databases.js';
import { type PostgresServer, startPostgres } from '../test/servers/postgresServer.js';
import { newFolder } from '../test/servers/runFolder.js';
import type { Run } from './run.js';

/** What test servers do without, and users do not. */
export const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' };

/** The schema of its tables. */
export const SCHEMA = 'tallygate';

/** A migrated, empty ledger. */
export interface BenchLedger {
  readonly url: string;
  /** The server, where it is the bench's own. */
  readonly server: PostgresServer | undefined;
  readonly pool: OwnedPostgresPool;
  /** Ends the pool before the end of the run. */
  readonly endPool: () => Promise<void>;
  readonly ledger: UsageLedger;
  /** A connection beside the ledger's. */
  readonly client: Client;
  /** The server's version and the settings that figures depend on. */
  readonly serverLine: string;
}

/** Starts one. `settings` are the server's, where it is the bench's own. */
export async function startLedger(run: Run, settings: Readonly<Record<string, string>> = {}): Promise<BenchLedger> {
  const given = process.env.TEST_DATABASE_URL;
  const server = given === undefined || given === '' ? await startPostgres({ ...DURABLE, ...settings }) : undefined;
  if (server !== undefined) {
    run.atEnd(server.stop);
    process.env.TEST_DATABASE_URL = server.url;
  }
  const database = await createDatabase();
  run.atEnd(database.drop);
  await migrated(database.url);
  const pool = createPostgresPool({ url: database.url });
  let ended: Promise<void> | undefined;
  const endPool = () => {
    ended ??= pool.end();
    return ended;
  };
  run.atEnd(endPool);
  const client = new Client({ connectionString: database.url });
  await client.connect();
  run.atEnd(() => client.end());
  const ledger = postgresLedger(pool, { schema: SCHEMA, deadlineMs: 60_000 });
  return { url: database.url, server, pool, endPool, ledger, client, serverLine: await serverLine(client) };
}

async function serverLine(client: Client): Promise<string> {
  const names = ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers'];
  const { rows } = await client.query('select name, current_setting(name) as value from unnest($1::text[]) as name', [
    names,
  ]);
  const [version, ...others] = rows.map(({ name, value }) => ({ name, value }));
  return `PostgreSQL ${version?.value} (${others.map(({ name, value }) => `${name} ${value}`).join(', ')})`;
}

/** Registers a producer that stands at 0. */
export async function newProducer(ledger: UsageLedger): Promise<string> {
  const producerId = await ledger.newProducerId();
  await ledger.registerProducer(producerId, { host: 'bench', pid: process.pid });
  return producerId;
}

/** Makes the tables, as a user does. */
export async function migrated(url: string): Promise<void> {
  const env = { DATABASE_URL: url, TALLYGATE_DATA_DIR: newFolder('data') };
  const migration = await startProcess(process.execPath, [join('bin', 'tallygate.js'), 'migrate'], { env });
  const { code } = await migration.exit;
  if (code !== 0) throw new Error(`tallygate migrate ended with ${code}: ${migration.stderr()}`);
}
