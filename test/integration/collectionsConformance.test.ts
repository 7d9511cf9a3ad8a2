// The collection of storage keeps the same guarantees on PostgreSQL on a server, behind PgBouncer in transaction mode, and on the
// embedded database.
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { postgresCollections } from '../../src/stores/postgres/postgresCollections.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type PostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { storageCollectionCases } from '../../src/testing/storageCollectionCases.js';
import { createMigratedDatabase } from '../servers/databases.js';
import { startPgBouncer } from '../servers/pgBouncer.js';
import { embeddedPool } from './embeddedPool.js';

interface Opened {
  readonly pool: PostgresPool;
  readonly close: () => Promise<void>;
}

async function onServer(): Promise<Opened> {
  const database = await createMigratedDatabase();
  const pool = createPostgresPool({ url: database.url });
  return { pool, close: () => pool.end().then(() => database.drop()) };
}

async function throughPgBouncer(): Promise<Opened> {
  const database = await createMigratedDatabase();
  const bouncer = await startPgBouncer(database.url);
  const pool = createPostgresPool({ url: bouncer.through(database.url) });
  const close = async () => {
    await pool.end();
    await bouncer.stop();
    await database.drop();
  };
  return { pool, close };
}

async function embedded(): Promise<Opened> {
  const { pool, close } = await embeddedPool();
  await migrate(pool, { schema: 'tallygate' });
  return { pool, close };
}

const DATABASES = [
  ['PostgreSQL', onServer],
  ['PostgreSQL behind PgBouncer', throughPgBouncer],
  ['the embedded database', embedded],
] as const;

for (const [name, open] of DATABASES) {
  describe(name, () => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open();
    }, 330_000);
    afterAll(() => opened?.close());
    beforeEach(async () => {
      const client = await opened.pool.connect();
      await client.query('DELETE FROM tallygate.storage_collection; DELETE FROM tallygate.collected_storage');
      client.release();
    });
    const stores = () => ({
      ledger: postgresLedger(opened.pool, { schema: 'tallygate' }),
      collections: postgresCollections(opened.pool, { schema: 'tallygate' }),
    });
    for (const { name: guarantee, run } of storageCollectionCases) test(guarantee, () => run(stores));
  });
}
