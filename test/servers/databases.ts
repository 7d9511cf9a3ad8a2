// Databases of their own for test files, on the run's shared PostgreSQL.
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { runName } from './runFolder.js';

export interface TestDatabase {
  /** A connection string; `?schema=` may be added to it. */
  readonly url: string;
  /** Ends what is still connected, and removes it. */
  drop(): Promise<void>;
}

/** An empty database with a name of its own. */
export async function createDatabase(): Promise<TestDatabase> {
  return create(`${prefix()}${randomBytes(5).toString('hex')}`, 'template0');
}

/** A database with our tables in the schema `tallygate`, cloned from one that was migrated once for the whole run. */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  return create(`${prefix()}${randomBytes(5).toString('hex')}`, await migratedTemplate());
}

/** Workers that come at the same time wait for the first; it gets its name when it is complete. */
async function migratedTemplate(): Promise<string> {
  const name = `${prefix()}template`;
  await onServer(async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name]); // until this connection ends
    if ((await client.query('select from pg_database where datname = $1', [name])).rowCount !== 0) return;
    const unfinished = await createDatabase();
    const pool = createPostgresPool({ url: unfinished.url, max: 1 });
    await migrate(pool, { schema: 'tallygate' }).finally(() => pool.end());
    await client.query(`alter database "${new URL(unfinished.url).pathname.slice(1)}" rename to "${name}"`);
  });
  return name;
}

/** Removes what this run left on a server that outlives it (a given TEST_DATABASE_URL). */
export async function dropDatabasesOfRun(): Promise<void> {
  await onServer(async (client) => {
    const { rows } = await client.query('select datname from pg_database where starts_with(datname, $1)', [prefix()]);
    for (const { datname } of rows) await client.query(`drop database if exists "${datname}" with (force)`);
  });
}

async function create(name: string, template: string): Promise<TestDatabase> {
  await onServer((client) => client.query(`create database "${name}" template "${template}"`));
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => {
      await onServer((client) => client.query(`drop database if exists "${name}" with (force)`));
    },
  };
}

async function onServer<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function prefix(): string {
  return `tallygate_test_${runName()}_`;
}

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined)
    throw new Error('TEST_DATABASE_URL is not set: tests with servers run in the project "servers"');
  return url;
}
