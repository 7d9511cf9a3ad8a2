// What a tenant's counters take in Redis: real-looking ids, four fixed limits, some requests each.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTallygate, type Tallygate } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { type RedisFigures, redisFigures } from './redisFigures.js';
import { flood } from './serverFleet.js';

const TENANTS = 2_000;
const MOST_BYTES = 350;
const plans = {
  free: [
    { name: 'minute', window: 'minute', limit: 60 },
    { name: 'hour', window: 'hour', limit: 1_000 },
    { name: 'day', window: 'day', limit: 5_000 },
    { name: 'month', window: 'month', limit: 100_000 },
  ],
} as const;

let database: TestDatabase;
let redis: RedisServer;
let figures: RedisFigures;
let tallygate: Tallygate;

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
  figures = await redisFigures(redis.url);
  vi.stubEnv('QUOTA_STORE_TIMEOUT_MS', '10000');
  tallygate = createTallygate({ database: database.url, redis: redis.url, plans });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await tallygate?.close();
  figures?.close();
  await redis?.stop();
  await database?.drop();
});

it(`a tenant with four fixed limits takes less than ${MOST_BYTES} bytes, and its key expires`, async () => {
  await tallygate.quota.consume('first');
  // The keys' own table doubles at once: without it the figure is of the day on which it did.
  const before = await figures.info('memory', 'used_memory_dataset');
  const ids = Array.from({ length: TENANTS }, () => `org_${randomUUID()}`);
  await flood(TENANTS, 250, (index) => tallygate.quota.consume(ids[index] as string, { cost: 3 }));
  await flood(TENANTS, 250, (index) => tallygate.quota.consume(ids[index] as string, { cost: 47 }));
  const total = ((await figures.info('memory', 'used_memory_dataset')) - before) / TENANTS;
  const sizes = await Promise.all(ids.slice(0, 100).map((id) => figures.command('MEMORY', 'USAGE', `tg:{${id}}:q`)));
  const each = sizes.reduce<number>((sum, size) => sum + Number(size), 0) / sizes.length;
  console.info(
    `Redis memory a tenant: ${each.toFixed(0)} bytes by MEMORY USAGE, ${total.toFixed(0)} by the server's data set`,
  );
  expect(each).toBeLessThan(MOST_BYTES);
  expect(total).toBeLessThan(MOST_BYTES);
  expect(await figures.keysWithoutExpiry()).toEqual([]);
});
