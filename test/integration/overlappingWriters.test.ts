// Eight producers and their bookings over the same few tenants: a short form of `npm run bench -- writers`.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Overlap } from '../../bench/overlap.js';
import { assertExact, race } from '../../bench/race.js';
import { postgresBookings } from '../../src/stores/postgres/postgresBookings.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';

const OPTIONS = { schema: 'tallygate', deadlineMs: 60_000 };

let database: TestDatabase;
let pool: OwnedPostgresPool;
beforeAll(async () => {
  database = await createMigratedDatabase();
  pool = createPostgresPool({ url: database.url });
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

test('batches and bookings of eight writers over the same rows never wait in a circle, and every sum is exact', async () => {
  const ledger = postgresLedger(pool, OPTIONS);
  const overlap = new Overlap('race', 30, 7);
  const bookings = postgresBookings(pool, OPTIONS);
  const { deadlocks, times } = await race({ ledger, bookings, overlap, writers: 8, batches: 240 });
  expect({ deadlocks, batches: times.length }).toEqual({ deadlocks: 0, batches: 240 });
  const { calls, units } = await assertExact(ledger, overlap);
  // Otherwise nothing was compared.
  expect(calls).toBeGreaterThan(240);
  expect(units).toBeGreaterThan(240);
});
