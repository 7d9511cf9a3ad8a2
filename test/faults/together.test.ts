// Requests that arrive together travel together: few calls of Redis for many requests, one pipeline for many tenants, and each
// request goes on in its own async context, over HTTP and in an app.
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createTallygate, type Tallygate } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { type RedisFigures, redisFigures } from './redisFigures.js';
import { consume, type FleetServer, flood, startServer } from './serverFleet.js';

const AT_ONCE = 200;
const plans = { free: [{ name: 'month', window: 'month', limit: 1_000_000 }] } as const;

let database: TestDatabase;
let redis: RedisServer;
let figures: RedisFigures;
let tallygate: Tallygate;
let server: FleetServer | undefined;

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
  figures = await redisFigures(redis.url);
  vi.stubEnv('QUOTA_STORE_TIMEOUT_MS', '10000');
  tallygate = createTallygate({ database: database.url, redis: redis.url, plans });
});

afterEach(() => server?.process.end());

afterAll(async () => {
  vi.unstubAllEnvs();
  await tallygate?.close();
  figures?.close();
  await redis?.stop();
  await database?.drop();
});

it(`${AT_ONCE} requests of one tenant at once are some calls, each decided in its turn`, async () => {
  await tallygate.quota.consume('together');
  const before = await figures.scriptCalls();
  const decisions = await Promise.all(Array.from({ length: AT_ONCE }, () => tallygate.quota.consume('together')));
  const calls = (await figures.scriptCalls()) - before;
  console.info(`${AT_ONCE} requests of one tenant in one turn: ${calls} calls of Redis`);
  expect(calls).toBeLessThanOrEqual(AT_ONCE / 50);
  // As if each had come alone: no two see the same figure.
  const used = decisions.map(({ limits }) => limits[0]?.used);
  expect(used).toEqual(Array.from({ length: AT_ONCE }, (_, index) => index + 2));
});

it('requests of several tenants that arrive together are one writing to Redis, not one each', async () => {
  const tenants = Array.from({ length: 50 }, (_, index) => `pipelined-${index}`);
  const all = () => Promise.all(tenants.map((tenant) => tallygate.quota.consume(tenant)));
  await all();
  const [calls, reads] = [await figures.scriptCalls(), await figures.info('stats', 'total_reads_processed')];
  await all();
  const [callsMade, readsMade] = [
    (await figures.scriptCalls()) - calls,
    (await figures.info('stats', 'total_reads_processed')) - reads,
  ];
  console.info(`50 tenants in one turn: ${callsMade} calls of Redis, which read ${readsMade} times`);
  expect(callsMade).toBe(50);
  // The questions of this test are among them.
  expect(readsMade).toBeLessThanOrEqual(10);
});

it('each request goes on in its own async context', async () => {
  const context = new AsyncLocalStorage<string>();
  const request = (index: number) =>
    context.run(`request ${index}`, async () => {
      await tallygate.quota.consume(`context-${index % 3}`);
      return context.getStore();
    });
  const seen = await Promise.all(Array.from({ length: 100 }, (_, index) => request(index)));
  expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => `request ${index}`));
});

it('the same over HTTP: many connections at once', async () => {
  const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, QUOTA_STORE_TIMEOUT_MS: '10000' };
  const running = await startServer({ ...env, QUOTA_FREE_PER_MINUTE: '1000000' });
  server = running;
  const all = () => flood(AT_ONCE, AT_ONCE, () => consume(running, 'http'));
  // The connections are made, and the tenant is known.
  await all();
  const before = await figures.scriptCalls();
  const answers = await all();
  const calls = (await figures.scriptCalls()) - before;
  console.info(`${AT_ONCE} requests over HTTP at once: ${calls} calls of Redis`);
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(calls).toBeLessThan(AT_ONCE / 4);
});
