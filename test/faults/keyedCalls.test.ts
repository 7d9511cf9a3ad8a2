// Calls under an Idempotency-Key over several servers: whoever answers, dies or is asked again, each is charged once and booked once.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';
import { callsOf, chargesOf } from './ledgerRows.js';
import { type RedisFigures, redisFigures } from './redisFigures.js';
import { type Answer, call, type FleetServer, flood, setTenant, standingOf, startServer } from './serverFleet.js';

let database: TestDatabase;
let redis: RedisServer;
let figures: RedisFigures;
let one: FleetServer;
let other: FleetServer;

/** Servers that bring nothing to the ledger by themselves while a test runs. */
const start = (more: Readonly<Record<string, string>> = {}) =>
  startServer({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    QUOTA_STORE_TIMEOUT_MS: '10000',
    QUOTA_FREE_PER_MINUTE: 'unlimited',
    USAGE_METERS: 'tokens:counter:token',
    USAGE_METER_JOURNAL: 'false',
    USAGE_METER_FLUSH_INTERVAL_MS: '600000',
    ...more,
  });

beforeAll(async () => {
  database = await createMigratedDatabase();
  redis = await startRedis();
  figures = await redisFigures(redis.url);
  [one, other] = await Promise.all([start(), start()]);
}, 330_000);

afterAll(async () => {
  await Promise.all([one, other].map((server) => server?.process.end()));
  figures?.close();
  await redis?.stop();
  await database?.drop();
});

/** A tenant whose limits both servers know, and whose day does not end under a test. */
async function tenantWith(name: string, day = 999): Promise<string> {
  await setTenant(one, name, { limits: { day } });
  await until(async () => (await standingOf(other, name, 'day')).remaining === day, { what: 'the setting' });
  return name;
}

const consume = (server: FleetServer, body: object, key: string): Promise<Answer> =>
  call('POST', `${server.url}/v1/consume`, body, key);
const reserve = (server: FleetServer, body: object, key: string): Promise<Answer> =>
  call('POST', `${server.url}/v1/reserve`, body, key);

/** Of the ledger, once these servers have brought what they have: a read of usage flushes. */
async function inLedger(tenant: string, ...servers: readonly FleetServer[]): Promise<{ units: number; calls: number }> {
  for (const server of servers) await call('GET', `${server.url}/api/admin/usage/${tenant}`);
  return { units: (await chargesOf(database, tenant)).units, calls: await callsOf(database, tenant) };
}

const usedOf = async (server: FleetServer, tenant: string) => (await standingOf(server, tenant, 'day')).used;

async function killed(server: FleetServer): Promise<void> {
  server.process.kill('SIGKILL');
  await server.process.exit;
}

it('a server is killed after its answer and before its flush: told again elsewhere the call counts once, its user and tokens too', async () => {
  const [retried, lost] = [await tenantWith('retried'), await tenantWith('lost')];
  const victim = await start();
  const body = { cost: { units: 7, tokens: 40 }, user: 'ann' };
  for (const tenant of [retried, lost]) expect((await consume(victim, { tenant, ...body }, 'k-1')).status).toBe(200);
  await killed(victim);
  expect(await inLedger(retried, one, other)).toEqual({ units: 0, calls: 0 });
  for (const server of [one, other, one]) {
    const { status, body: said } = await consume(server, { tenant: retried, ...body }, 'k-1');
    expect([status, said.allowed]).toEqual([200, true]);
  }
  expect(await usedOf(one, retried)).toBe(7);
  // 7 units, and 40 tokens.
  expect(await inLedger(retried, one, other)).toEqual({ units: 47, calls: 1 });
  const { body: usage } = await call('GET', `${one.url}/api/admin/usage/${retried}`);
  expect(usage.totals).toMatchObject({ apiCalls: 1, activeUsers: 1, meters: { tokens: 40 } });
  // Nobody told it again: without a journal the dead server's last interval is lost, and nothing is invented.
  expect(await inLedger(lost, one, other)).toEqual({ units: 0, calls: 0 });
  expect(await usedOf(one, lost)).toBe(7);
});

it('what a killed server wrote to its journal and what is told again are one call', async () => {
  const tenant = await tenantWith('journalled');
  const folder = newFolder('server');
  const journal = { USAGE_METER_JOURNAL: 'true', TALLYGATE_DATA_DIR: folder };
  const victim = await start(journal);
  const asked = { tenant, cost: 9 };
  expect((await consume(victim, asked, 'k-1')).status).toBe(200);
  expect((await consume(victim, asked, 'k-2')).status).toBe(200);
  // The turn that answered it has ended: a kill would lose no more than a turn.
  expect((await call('GET', `${victim.url}/livez`)).status).toBe(200);
  await killed(victim);
  expect((await consume(one, asked, 'k-1')).status).toBe(200);
  expect(await inLedger(tenant, one)).toEqual({ units: 9, calls: 1 });
  // Whoever shares the folder brings the journal to the ledger: the second call, and the first no more.
  const heir = await start(journal);
  try {
    await until(async () => (await inLedger(tenant, heir)).calls === 2, { deadlineMs: 60_000, what: 'the journal' });
    expect(await inLedger(tenant, heir)).toEqual({ units: 18, calls: 2 });
  } finally {
    await heir.process.end();
  }
}, 180_000);

it('of many clients that tell a few requests to two servers at once, each request is charged once and booked once', async () => {
  const tenant = await tenantWith('many');
  const [requests, tellings] = [12, 240];
  const answers = await flood(tellings, 40, (index) => {
    const number = index % requests;
    return consume(index % 2 === 0 ? one : other, { tenant, cost: 1 + number }, `key ${number}`);
  });
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  const sum = (requests * (requests + 1)) / 2;
  expect(await usedOf(one, tenant)).toBe(sum);
  expect(await inLedger(tenant, one, other)).toEqual({ units: sum, calls: requests });
});

it('another request under the key is a 422, in whichever server; a denial is decided anew', async () => {
  const tenant = await tenantWith('conflicts', 10);
  expect((await consume(one, { tenant, cost: 6 }, 'k')).status).toBe(200);
  const others = [{ cost: 5 }, { cost: 6, user: 'ann' }, { cost: { units: 6, tokens: 1 } }];
  for (const server of [one, other]) {
    for (const more of others) {
      const { status, body } = await consume(server, { tenant, ...more }, 'k');
      expect([status, body.code]).toEqual([422, 'idempotency_conflict']);
    }
    expect((await reserve(server, { tenant, estimate: 6 }, 'k')).status).toBe(422);
  }
  expect((await consume(other, { tenant, cost: 6 }, 'denied')).status).toBe(429);
  await setTenant(one, tenant, { limits: { day: 20 } });
  await until(async () => (await consume(one, { tenant, cost: 6 }, 'denied')).status === 200, {
    what: 'the new limit',
  });
  expect((await consume(other, { tenant, cost: 6 }, 'denied')).status).toBe(200);
  expect(await usedOf(other, tenant)).toBe(12);
  expect(await inLedger(tenant, one, other)).toEqual({ units: 12, calls: 2 });
});

it('a reservation that is asked for again is the first one, its call is metered once, and it is committed once', async () => {
  const tenant = await tenantWith('reserved');
  const asked = { tenant, estimate: 50, ttlSeconds: 600 };
  const first = await reserve(one, asked, 'r');
  const again = await Promise.all([reserve(other, asked, 'r'), reserve(one, asked, 'r')]);
  for (const { status, body } of again) {
    expect(status).toBe(201);
    expect([body.id, body.expiresAt]).toEqual([first.body.id, first.body.expiresAt]);
  }
  expect(await standingOf(one, tenant, 'day')).toMatchObject({ used: 50, held: 50 });
  const commit = `/v1/reservations/${first.body.id}/commit`;
  expect((await call('POST', `${other.url}${commit}`, { actual: 8 })).status).toBe(200);
  expect((await reserve(one, asked, 'r')).body.id).toBe(first.body.id);
  expect(await standingOf(one, tenant, 'day')).toMatchObject({ used: 8, held: 0 });
  expect(await inLedger(tenant, one, other)).toEqual({ units: 8, calls: 1 });
});

it('after Redis lost everything the quota may be charged again, the bill is not; what it remembers expires within ten minutes', async () => {
  const tenant = await tenantWith('forgotten');
  expect((await consume(one, { tenant, cost: 5 }, 'k')).status).toBe(200);
  expect(await inLedger(tenant, one)).toEqual({ units: 5, calls: 1 });
  await figures.command('FLUSHALL');
  expect((await consume(other, { tenant, cost: 5 }, 'k')).status).toBe(200);
  expect(await usedOf(other, tenant)).toBe(10);
  expect(await inLedger(tenant, one, other)).toEqual({ units: 5, calls: 1 });
  const keys = await figures.command('KEYS', '*:k:*');
  expect(keys).toHaveLength(1);
  const ttl = Number(await figures.command('PTTL', String((keys as unknown[])[0])));
  expect(ttl).toBeGreaterThan(500_000);
  expect(ttl).toBeLessThanOrEqual(600_000);
  expect(await figures.keysWithoutExpiry()).toEqual([]);
});
