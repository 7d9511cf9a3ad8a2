// A budget of tokens beside the quota of requests: one decision over both, metered by what was admitted, exact over two servers, and back
// after Redis lost everything.
import { createClient } from '@redis/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { call, type FleetServer, flood, setTenant, standingOf, startServers } from './serverFleet.js';

const BUDGET = 10_000;

let database: TestDatabase;
let redis: RedisServer;
let servers: FleetServer[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
  servers = await startServers(2, {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    USAGE_METERS: 'tokens:counter:token',
    QUOTA_FREE_PER_MINUTE: 'unlimited',
    QUOTA_FREE_PER_DAY_TOKENS: String(BUDGET),
    QUOTA_STORE_TIMEOUT_MS: '10000',
    USAGE_METER_FLUSH_INTERVAL_MS: '250',
  });
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.process.end()));
  await redis?.stop();
  await database?.drop();
});

const server = (index: number) => servers[index % servers.length] as FleetServer;
const post = (index: number, path: string, body: object) => call('POST', `${server(index).url}${path}`, body);

async function tokensOf(tenant: string): Promise<number> {
  const { body } = await call('GET', `${server(0).url}/api/admin/usage/${tenant}`);
  if (body.totals === undefined) throw new Error(JSON.stringify(body));
  return (body.totals as { meters: { tokens: number } }).meters.tokens;
}

it('is never exceeded by several servers, and what was admitted is what is metered', async () => {
  await setTenant(server(0), 'busy', {});
  for (const one of servers)
    await until(async () => (await standingOf(one, 'busy', 'tokens-day')).remaining !== null, { what: 'the budget' });
  let admitted = 0;
  const answers = await flood(200, 25, async (index) => {
    const tokens = 1 + ((index * 37) % 120);
    const answer = await post(index, '/v1/consume', { tenant: 'busy', cost: { units: 1, tokens } });
    if (answer.status === 200) admitted += tokens;
    return { ...answer, tokens };
  });
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(10);
  expect(admitted).toBeLessThanOrEqual(BUDGET);
  expect(admitted).toBeGreaterThan(BUDGET - 120);
  for (const { body } of refused) expect(body['violated-policies']).toEqual(['tokens-day']);
  const rest = BUDGET - admitted;
  if (rest > 0)
    expect((await post(0, '/v1/consume', { tenant: 'busy', meter: 'tokens', cost: rest })).status).toBe(200);
  expect((await post(1, '/v1/consume', { tenant: 'busy', meter: 'tokens' })).status).toBe(429);
  // A request without tokens is none of this budget's.
  expect((await post(1, '/v1/consume', { tenant: 'busy' })).status).toBe(200);
  await until(async () => (await tokensOf('busy')) === BUDGET, { what: 'what both servers metered' });
});

it('comes back from the ledger after Redis lost everything, a reservation by what it was committed as', async () => {
  await setTenant(server(0), 'writer', {});
  const reserved = await post(0, '/v1/reserve', { tenant: 'writer', estimate: { units: 1, tokens: 9_000 } });
  expect(reserved.status).toBe(201);
  expect(await standingOf(server(1), 'writer', 'tokens-day')).toMatchObject({ used: 9_000, held: 9_000 });
  expect((await post(1, '/v1/consume', { tenant: 'writer', meter: 'tokens', cost: 1_001 })).status).toBe(429);
  const commit = `/v1/reservations/${encodeURIComponent(String(reserved.body.id))}/commit`;
  const actual = { units: 1, tokens: 4_000 };
  expect((await post(1, commit, { actual })).status).toBe(200);
  expect((await post(0, commit, { actual })).status).toBe(200);
  expect((await post(0, commit, { actual: { units: 1, tokens: 4_001 } })).status).toBe(422);
  await until(async () => (await tokensOf('writer')) === 4_000, { what: 'the commit in the ledger' });
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.sendCommand(['FLUSHALL']);
  client.destroy();
  expect((await post(0, '/v1/consume', { tenant: 'writer', meter: 'tokens', cost: 6_001 })).status).toBe(429);
  expect((await post(1, '/v1/consume', { tenant: 'writer', meter: 'tokens', cost: 6_000 })).status).toBe(200);
});
