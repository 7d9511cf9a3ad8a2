// What only a real server and a look into its tables can show: lost connections, held locks, old rows, zones.
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StoragePointRow, UsageLedger } from '../../src/ports/usageLedger.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { postgresTenantDirectory } from '../../src/stores/postgres/postgresTenantDirectory.js';
import { batchOf, callsOf, freshTenant, uuidAt } from '../../src/testing/usageLedgerCase.js';
import { createDatabase, createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { until } from '../servers/until.js';

const DATE = '2024-02-29';
const DAY_MS = 86_400_000;
const HOLDER = { host: 'test', pid: 1 };

let database: TestDatabase;
let pool: OwnedPostgresPool;
let client: pg.Client;
let ledger: UsageLedger;
beforeAll(async () => {
  database = await createMigratedDatabase();
  pool = createPostgresPool({ url: database.url });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  ledger = postgresLedger(pool, { schema: 'tallygate' });
});
afterAll(async () => {
  await client?.end();
  await pool?.end();
  await database?.drop();
});

async function producer(): Promise<string> {
  const id = await ledger.newProducerId();
  expect(await ledger.registerProducer(id, HOLDER)).toBe('registered');
  return id;
}

const callsOn = async (tenantId: string): Promise<number> =>
  (await ledger.readUsage(tenantId, DATE, DATE)).days[0]?.apiCalls ?? 0;

const waitingForLock = async (): Promise<number[]> =>
  (
    await client.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
  ).rows.map((row) => row.pid);

test('a connection that is cut in mid-batch leaves nothing; the same batch then counts once', async () => {
  const [tenant, other] = [freshTenant(), freshTenant()];
  const batch = batchOf(await producer(), 0, 1, { calls: [callsOf(tenant, DATE, 3), callsOf(other, DATE, 4)] });
  await client.query('BEGIN; LOCK TABLE tallygate.tenant_usage IN EXCLUSIVE MODE');
  const cut = ledger.apply(batch);
  const [pid] = await until(async () => ((await waitingForLock()).length === 1 ? waitingForLock() : false));
  await client.query('SELECT pg_terminate_backend($1)', [pid]);
  await expect(cut).rejects.toMatchObject({ code: 'ledger_unavailable' });
  await client.query('ROLLBACK');
  expect(await callsOn(tenant)).toBe(0);
  expect(await ledger.apply(batch)).toEqual({ outcome: 'applied' });
  expect(await ledger.apply(batch)).toEqual({ outcome: 'elsewhere', lastRecord: 1 });
  expect([await callsOn(tenant), await callsOn(other)]).toEqual([3, 4]);
});

test('an attempt that outlives its deadline is rolled back, so the next one is neither lost nor doubled', async () => {
  const tenant = freshTenant();
  const hasty = postgresLedger(pool, { schema: 'tallygate', deadlineMs: 300 });
  const batch = batchOf(await producer(), 0, 1, { calls: [callsOf(tenant, DATE, 5)] });
  await client.query('BEGIN; LOCK TABLE tallygate.tenant_usage IN EXCLUSIVE MODE');
  await expect(hasty.apply(batch)).rejects.toMatchObject({ code: 'ledger_unavailable' });
  // The server gives up by itself: nobody holds the producer's row for the next attempt to wait for.
  await until(async () => (await waitingForLock()).length === 0, { what: 'the abandoned attempt has ended' });
  await client.query('ROLLBACK');
  expect(await ledger.apply(batch)).toEqual({ outcome: 'applied' });
  expect(await callsOn(tenant)).toBe(5);
});

test('a pool without a free connection is waited for no longer than the deadline, and nothing leaks', async () => {
  const own = createPostgresPool({ url: database.url, max: 1 });
  const hasty = postgresLedger(own, { schema: 'tallygate', deadlineMs: 200 });
  const held = await own.connect();
  await expect(hasty.identity()).rejects.toMatchObject({ code: 'ledger_unavailable' });
  held.release();
  expect((await hasty.identity()).hashKey).toHaveLength(32);
  await own.end();
});

test('the outage of the server is unavailable; missing tables are migrations to be run', async () => {
  const away = createPostgresPool({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1 });
  const empty = await createDatabase();
  const unmade = createPostgresPool({ url: empty.url, max: 1 });
  const expected: [OwnedPostgresPool, string][] = [
    [away, 'ledger_unavailable'],
    [unmade, 'migrations_pending'],
  ];
  for (const [one, code] of expected) {
    const { identity, newProducerId, ...rest } = postgresLedger(one, { schema: 'tallygate' });
    const id = '01900000-0000-7000-8000-000000000000';
    await expect(identity()).rejects.toMatchObject({ code });
    await expect(rest.apply(batchOf(id, 0, 1, {}))).rejects.toMatchObject({ code });
    await expect(rest.readUsage('t', DATE, DATE)).rejects.toMatchObject({ code });
    await expect(rest.registerProducer(id, HOLDER)).rejects.toMatchObject({ code });
    await expect(rest.replayPosition('x')).rejects.toMatchObject({ code });
    if (one === away) await expect(newProducerId()).rejects.toMatchObject({ code });
    await one.end();
  }
  await empty.drop();
});

test('no statement of the ledger depends on the search path or leaves anything on a connection', async () => {
  const own = createPostgresPool({ url: database.url, max: 1 });
  await (async () => {
    const one = postgresLedger(own, { schema: 'tallygate' });
    const id = await one.newProducerId();
    await one.registerProducer(id, HOLDER);
    await one.apply(batchOf(id, 0, 1, { calls: [callsOf(freshTenant(), DATE, 1)] }));
    const session = await own.connect();
    const { rows } = await session.query(
      `SELECT (SELECT count(*) FROM pg_prepared_statements)::int AS prepared, current_setting('statement_timeout') AS timeout,
              current_setting('search_path') AS path`,
    );
    session.release();
    expect(rows).toEqual([{ prepared: 0, timeout: '0', path: '"$user", public' }]);
  })();
  await own.end();
});

test('a producer is forgotten when its id and its last activity are both older than a day', async () => {
  const now = Date.now();
  const day = 24 * 3_600_000;
  const insert = async (idAge: number, seenAge: number): Promise<string> => {
    const id = uuidAt(now - idAge);
    await client.query(
      `INSERT INTO tallygate.usage_producer VALUES ($1, 7, 'test', 1, to_timestamp($2), to_timestamp($3), NULL)`,
      [id, (now - idAge) / 1000, (now - seenAge) / 1000],
    );
    return id;
  };
  const old = await insert(2 * day, 2 * day);
  const active = await insert(2 * day, day / 2);
  const young = await insert(day / 2, 2 * day);
  await ledger.touchProducer(await producer(), false);
  const { rows } = await client.query('SELECT id FROM tallygate.usage_producer WHERE id = ANY ($1)', [
    [old, active, young],
  ]);
  expect(rows.map((row) => row.id).sort()).toEqual([active, young].sort());
  expect(await ledger.registerProducer(old, HOLDER)).toBe('refused');
  expect(await ledger.registerProducer(active, HOLDER)).toBe('registered'); // it is still there
  expect(await ledger.apply(batchOf(active, 0, 1, {}))).toEqual({ outcome: 'elsewhere', lastRecord: 7 });
});

test('a producer that was not seen for ten minutes is not live', async () => {
  const [own, other] = [await producer(), await producer()];
  const live = async () => (await ledger.otherLiveProducers(own)).some((one) => one.producerId === other);
  expect(await live()).toBe(true);
  await client.query(
    `UPDATE tallygate.usage_producer SET last_seen_at = now() - interval '601 seconds' WHERE id = $1`,
    [other],
  );
  expect(await live()).toBe(false);
  await ledger.apply(batchOf(other, 0, 1, {}));
  expect(await live()).toBe(true);
});

const point = (tenantId: string, atMs: number, bytes: number): StoragePointRow => ({
  tenantId,
  atSeconds: Math.floor(atMs / 1000),
  bytes,
  id: uuidAt(atMs),
});

const applyStorage = async (storage: StoragePointRow[]) =>
  expect(await ledger.apply(batchOf(await producer(), 0, 1, { storage }))).toEqual({ outcome: 'applied' });

test('points are kept for 37 days; older ones change nothing, and the level before them is still carried', async () => {
  const tenant = freshTenant();
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const at = (daysAgo: number) => today - daysAgo * DAY_MS;
  const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  await applyStorage([point(tenant, at(35), 100), point(tenant, at(10), 200)]);
  // As if both had been reported long ago: the first point is beyond what is kept, its day is not.
  await client.query(
    `UPDATE tallygate.storage_point SET at = at - interval '5 days' WHERE tenant_id = $1;`.replace('$1', `'${tenant}'`),
  );
  await client.query(
    `UPDATE tallygate.tenant_usage SET usage_date = usage_date - 5, storage_last_at = storage_last_at - interval '5 days' WHERE tenant_id = $1`,
    [tenant],
  );
  await applyStorage([point(tenant, at(38), 999), point(tenant, at(20) + 12 * 3_600_000, 50)]);
  const kept = await client.query(
    'SELECT bytes::int AS bytes FROM tallygate.storage_point WHERE tenant_id = $1 ORDER BY at',
    [tenant],
  );
  expect(kept.rows.map((row) => row.bytes)).toEqual([50, 200]);
  const { days } = await ledger.readUsage(tenant, dateOf(at(45)), dateOf(today));
  expect(days.map((day) => [day.usageDate, day.storage?.peakBytes, day.storage?.lastBytes])).toEqual([
    [dateOf(at(40)), 100, 100],
    [dateOf(at(20)), 100, 50], // the first half of the day at 100, which came from the row of the day that lost its points
    [dateOf(at(15)), 200, 200],
  ]);
  expect(days[1]?.storage?.coveredMs).toBe(DAY_MS);
});

test('storage days are those of the calendar that the tenant has in the ledger', async () => {
  const tenant = freshTenant();
  const directory = postgresTenantDirectory(pool, { schema: 'tallygate' });
  await directory.change(tenant, () => ({
    plan: undefined,
    limits: new Map(),
    timeZone: 'Asia/Kolkata', // UTC+5:30, all year
    billingAnchorDay: undefined,
    earlierCalendars: [],
  }));
  const day = Math.floor(Date.now() / DAY_MS) * DAY_MS - 3 * DAY_MS;
  const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const midnight = day - 5.5 * 3_600_000;
  await applyStorage([point(tenant, midnight - 1000, 7), point(tenant, midnight, 9)]);
  const { days, pointsOfLastDate } = await ledger.readUsage(tenant, dateOf(day - DAY_MS), dateOf(day));
  expect(days.map((one) => [one.usageDate, one.storage?.coveredMs, one.storage?.lastBytes])).toEqual([
    [dateOf(day - DAY_MS), 1000, 7],
    [dateOf(day), DAY_MS, 9],
  ]);
  expect(pointsOfLastDate.map((one) => one.bytes)).toEqual([9]);
});

test('the table that people query shows the average over the covered time', async () => {
  const tenant = freshTenant();
  const day = Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * DAY_MS;
  await applyStorage([point(tenant, day + DAY_MS / 2, 100), point(tenant, day + (DAY_MS * 3) / 4, 201)]);
  const { rows } = await client.query(
    'SELECT storage_bytes::text AS average, api_calls::int AS calls FROM tallygate.tenant_usage WHERE tenant_id = $1',
    [tenant],
  );
  expect(rows).toEqual([{ average: '151', calls: 0 }]); // 150.5 rounded
});
