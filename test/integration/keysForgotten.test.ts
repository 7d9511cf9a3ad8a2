// Keys of what is booked once are kept for 35 days and then forgotten; keys of corrections never are.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresBookings } from '../../src/stores/postgres/postgresBookings.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';

const SCHEMA = { schema: 'tallygate' };
let database: TestDatabase;
let pool: OwnedPostgresPool;
let client: pg.Client;
beforeAll(async () => {
  database = await createMigratedDatabase();
  pool = createPostgresPool({ url: database.url });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await pool?.end();
  await database?.drop();
});

/** All that was received lies so many days further back, and a producer touches its row, which is when keys are collected. */
async function daysLater(days: number): Promise<void> {
  for (const table of ['event_dedupe', 'booking_key']) {
    await client.query(`UPDATE tallygate.${table} SET received_on = received_on - ${days}`);
  }
  const ledger = postgresLedger(pool, SCHEMA);
  await ledger.touchProducer(await ledger.newProducerId(), false);
}

const NO_METER = { meter: '', amount: 0, level: undefined };

test('an event and a change of storage are known for 35 days, a correction for ever', async () => {
  const bookings = postgresBookings(pool, SCHEMA);
  const [tenantId, key, usageDate] = ['acme', randomBytes(16), '2024-02-29'];
  const event = { tenantId, key, usageDate, apiCalls: 1, userHash: undefined, ...NO_METER };
  const change = { tenantId, key, content: randomBytes(16), atMs: Date.now() - 60_000, bytes: 5 };
  const what = { tenantId, key, usageDate, meter: 'api_calls', delta: 1, reason: 'test', author: 'test' };
  const book = async () => ({
    event: await bookings.bookEvents([event]),
    change: (await bookings.addStorage(change)).outcome,
    correction: (await bookings.adjust(what)).outcome,
  });
  expect(await book()).toEqual({ event: [true], change: 'booked', correction: 'booked' });
  await daysLater(35);
  expect(await book()).toEqual({ event: [false], change: 'repeated', correction: 'repeated' });
  await daysLater(1);
  expect(await book()).toEqual({ event: [true], change: 'booked', correction: 'repeated' });
});
