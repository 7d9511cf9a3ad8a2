// Reservations over HTTP and across processes, one strict, one with leases: made in one, ended in another, once; too late, above the
// estimate, over a death and a lost Redis (over the end of a minute: minuteEdge.test.ts). What the ledger has is what was committed, never the estimate.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { callsOf, chargesOf } from './ledgerRows.js';
import { type RedisFigures, redisFigures } from './redisFigures.js';
import {
  type Answer,
  call,
  consume,
  endServers,
  type FleetServer,
  metricOf,
  setTenant,
  standingOf,
  startServer,
} from './serverFleet.js';

const DAY = 100;

let database: TestDatabase;
let redis: RedisServer;
let figures: RedisFigures;
let one: FleetServer;
let other: FleetServer;

const start = (mode: string) =>
  startServer({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    QUOTA_MODE: mode,
    QUOTA_STORE_TIMEOUT_MS: '10000',
    QUOTA_FREE_PER_MINUTE: 'unlimited',
  });

beforeAll(async () => {
  database = await createMigratedDatabase();
  redis = await startRedis();
  figures = await redisFigures(redis.url);
  [one, other] = await Promise.all([start('strict'), start('leased')]);
}, 330_000);

afterAll(async () => {
  await Promise.all([one, other].map((server) => server?.process.end()));
  figures?.close();
  await redis?.stop();
  await database?.drop();
});

async function tenantWith(name: string, limits: object = { day: DAY }): Promise<string> {
  await setTenant(one, name, { limits });
  await until(async () => (await standingOf(other, name, 'day')).remaining !== null, { what: 'the setting' });
  return name;
}

const reserve = (server: FleetServer, tenant: string, estimate: number, ttlSeconds = 300): Promise<Answer> =>
  call('POST', `${server.url}/v1/reserve`, { tenant, estimate, ttlSeconds });

async function reserved(server: FleetServer, tenant: string, estimate: number, ttlSeconds?: number): Promise<string> {
  const answer = await reserve(server, tenant, estimate, ttlSeconds);
  expect(answer).toMatchObject({ status: 201, body: { id: expect.any(String), expiresAt: expect.any(String) } });
  return String(answer.body.id);
}

const commit = async (server: FleetServer, id: string, actual: number): Promise<number> =>
  (await call('POST', `${server.url}/v1/reservations/${id}/commit`, { actual })).status;

const release = async (server: FleetServer, id: string): Promise<number> =>
  (await call('DELETE', `${server.url}/v1/reservations/${id}`)).status;

/** Of the ledger, once both processes have brought what they have: a read of usage flushes. */
async function inLedger(tenant: string): Promise<{ units: number; calls: number }> {
  for (const server of [one, other]) await call('GET', `${server.url}/api/admin/usage/${tenant}`);
  return { units: (await chargesOf(database, tenant)).units, calls: await callsOf(database, tenant) };
}

it('made in one process and committed in another: the difference goes back, the ledger has the actual, once', async () => {
  const tenant = await tenantWith('committed');
  const id = await reserved(one, tenant, 40);
  expect(await standingOf(other, tenant, 'day')).toMatchObject({ used: 40, held: 40 });
  // No units by the estimate: they could never be taken back.
  expect(await inLedger(tenant)).toEqual({ units: 0, calls: 1 });
  expect(await commit(other, id, 7)).toBe(200);
  expect(await standingOf(one, tenant, 'day')).toMatchObject({ used: 7, held: 0 });
  expect([await commit(one, id, 7), await commit(other, id, 7)]).toEqual([200, 200]);
  expect(await commit(one, id, 8)).toBe(422);
  expect(await release(other, id)).toBe(409);
  expect(await inLedger(tenant)).toEqual({ units: 7, calls: 1 });
  expect(await standingOf(other, tenant, 'day')).toMatchObject({ used: 7, held: 0 });
});

it('released: everything goes back, and a commit afterwards is a conflict', async () => {
  const tenant = await tenantWith('released');
  const id = await reserved(other, tenant, 60);
  // It counts while it is out.
  expect((await reserve(one, tenant, 41)).status).toBe(429);
  expect([await release(one, id), await release(other, id)]).toEqual([200, 200]);
  expect(await commit(one, id, 60)).toBe(409);
  expect(await standingOf(one, tenant, 'day')).toMatchObject({ used: 0, held: 0 });
  expect((await inLedger(tenant)).units).toBe(0);
  // What was given back is there for all, a remembered denial notwithstanding.
  await until(async () => (await reserve(one, tenant, 100)).status === 201, { deadlineMs: 1_000, what: 'room again' });
});

it('too late: 410 in every process, nothing goes back, and it is metered, once', async () => {
  const tenant = await tenantWith('expired');
  const id = await reserved(one, tenant, 30, 1);
  const expired = Date.now() + 1_100;
  await until(() => Date.now() > expired, { what: 'its second is over' });
  expect([await commit(other, id, 12), await commit(one, id, 12), await commit(other, id, 12)]).toEqual([
    410, 410, 410,
  ]);
  expect(await release(one, id)).toBe(410);
  expect(await inLedger(tenant)).toEqual({ units: 12, calls: 1 });
  expect((await standingOf(one, tenant, 'day')).used).toBe(30);
});

it('a commit above the estimate is charged in full, and counted', async () => {
  const tenant = await tenantWith('overrun');
  const before = await metricOf(other, 'tallygate_reservations_total{event="overrun"}');
  const id = await reserved(one, tenant, 5);
  expect(await commit(other, id, DAY + 20)).toBe(200);
  expect(await standingOf(one, tenant, 'day')).toMatchObject({ used: DAY + 20, held: 0, remaining: 0 });
  expect(await metricOf(other, 'tallygate_reservations_total{event="overrun"}')).toBe(before + 1);
  expect((await consume(one, tenant)).status).toBe(429);
  expect((await inLedger(tenant)).units).toBe(DAY + 20);
});

it('the process that made it is killed: another one commits it', async () => {
  const tenant = await tenantWith('killed');
  const victim = await start('strict');
  const id = await reserved(victim, tenant, 50);
  victim.process.kill('SIGKILL');
  await victim.process.exit;
  expect(await commit(one, id, 20)).toBe(200);
  expect(await standingOf(other, tenant, 'day')).toMatchObject({ used: 20, held: 0 });
  expect((await inLedger(tenant)).units).toBe(20);
});

it('after Redis lost everything a commit is too late, and is metered once; no key stays for ever', async () => {
  const tenant = await tenantWith('flushed');
  const id = await reserved(one, tenant, 40);
  await figures.command('FLUSHALL');
  expect([await commit(other, id, 25), await commit(one, id, 25)]).toEqual([410, 410]);
  expect((await inLedger(tenant)).units).toBe(25);
  // From the ledger: what was committed, and this one.
  expect((await consume(one, tenant)).status).toBe(200);
  expect((await standingOf(other, tenant, 'day')).used).toBe(26);
  expect(await figures.keysWithoutExpiry()).toEqual([]);
  expect(await endServers([one, other])).toEqual([0, 0]);
  expect((await chargesOf(database, tenant)).units).toBe(26);
});
