// A booking whose answer is lost on its way back: whoever asks again under the same name is told that it was booked, and it was, once.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasCode } from '../../src/core/errors.js';
import { dateAt, UTC_CALENDAR } from '../../src/core/time/calendar.js';
import type { UsageBookings } from '../../src/ports/usageBookings.js';
import { postgresBookings } from '../../src/stores/postgres/postgresBookings.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type CuttingProxy, startCuttingProxy } from './cuttingProxy.js';

const SCHEMA = { schema: 'tallygate' };
const DATE = '2024-02-29';
let database: TestDatabase;
let pool: OwnedPostgresPool;
let proxy: CuttingProxy;
let bookings: UsageBookings;

beforeAll(async () => {
  database = await createMigratedDatabase();
  const url = new URL(database.url);
  proxy = await startCuttingProxy(Number(url.port));
  url.host = new URL(proxy.url).host;
  pool = createPostgresPool({ url: url.href });
  bookings = postgresBookings(pool, SCHEMA);
});
afterAll(async () => {
  await pool?.end();
  await proxy?.close();
  await database?.drop();
});

const readUsage = (tenantId: string, date: string) => postgresLedger(pool, SCHEMA).readUsage(tenantId, date, date);

/** Books, with the connection cut between COMMIT and its answer; then again, undisturbed. */
async function twice<T>(book: () => Promise<T>): Promise<T> {
  const before = proxy.cuts;
  // With its end: BEGIN names READ COMMITTED.
  proxy.cutReplyTo('COMMIT\0');
  await expect(book()).rejects.toSatisfy((error) => hasCode(error, 'ledger_unavailable'));
  expect(proxy.cuts).toBe(before + 1);
  return book();
}

test('a correction', async () => {
  const what = { tenantId: 'corrected', usageDate: DATE, meter: 'api_calls', delta: -5 };
  const adjustment = { ...what, key: randomBytes(16), reason: 'test', author: 'test' };
  expect((await twice(() => bookings.adjust(adjustment))).outcome).toBe('repeated');
  expect((await readUsage('corrected', DATE)).adjustments).toEqual([
    { usageDate: DATE, meter: 'api_calls', delta: -5 },
  ]);
});

test('a batch of events', async () => {
  const events = Array.from({ length: 50 }, () => ({
    ...{ tenantId: 'told', key: randomBytes(16), usageDate: DATE, apiCalls: 2, userHash: randomBytes(16) },
    ...{ meter: 'tokens', amount: 3, level: undefined },
  }));
  expect(await twice(() => bookings.bookEvents(events))).toEqual(events.map(() => false));
  expect((await readUsage('told', DATE)).days).toEqual([{ usageDate: DATE, apiCalls: 100, activeUsers: 50 }]);
});

test('a change of storage', async () => {
  const atMs = Date.now() - 3 * 86_400_000;
  const change = { tenantId: 'stored', key: randomBytes(16), content: randomBytes(16), atMs, bytes: 7 };
  expect(await twice(() => bookings.addStorage(change))).toEqual({ outcome: 'repeated', atMs });
  const { days } = await readUsage('stored', dateAt(atMs, UTC_CALENDAR));
  expect(days[0]?.storage?.lastBytes).toBe(7);
});

test('a closed month', async () => {
  const figures = { apiCalls: 1, storageBytes: 0, activeUsers: 0, storageCoverage: 0 };
  const period = { from: '2024-02-01', to: DATE };
  const report = { tenantId: 'closed', period, totals: figures, daily: [], asOf: '2024-03-01T00:00:00.000Z' };
  let tries = 0;
  const close = () => bookings.closePeriod({ tenantId: 'closed', month: '2024-02', author: `no ${++tries}`, report });
  expect((await twice(close)).author).toBe('no 1');
});
