// What is booked at once keeps the same guarantees on PostgreSQL on a server and on the embedded database.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { postgresBookings } from '../../src/stores/postgres/postgresBookings.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type PostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { usageBookingCases } from '../../src/testing/usageBookingCases.js';
import { createMigratedDatabase } from '../servers/databases.js';
import { embeddedPool } from './embeddedPool.js';

interface Opened {
  readonly pool: PostgresPool;
  readonly close: () => Promise<void>;
}

async function onServer(): Promise<Opened> {
  const database = await createMigratedDatabase();
  const pool = createPostgresPool({ url: database.url });
  const close = async () => {
    await pool.end();
    await database.drop();
  };
  return { pool, close };
}

async function embedded(): Promise<Opened> {
  const { pool, close } = await embeddedPool();
  await migrate(pool, { schema: 'tallygate' });
  return { pool, close };
}

for (const [name, open] of [['PostgreSQL', onServer] as const, ['the embedded database', embedded] as const]) {
  describe(name, () => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());
    const stores = () => ({
      ledger: postgresLedger(opened.pool, { schema: 'tallygate' }),
      bookings: postgresBookings(opened.pool, { schema: 'tallygate' }),
    });
    for (const { name: guarantee, run } of usageBookingCases) test(guarantee, () => run(stores));
  });
}
