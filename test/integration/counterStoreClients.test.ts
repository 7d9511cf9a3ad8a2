// What may be handed in as Redis, and what many connections do together.
import { randomUUID } from 'node:crypto';
import { createClient, createClientPool } from '@redis/client';
import { Redis as IoredisRedis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import type { TallygateError } from '../../src/core/errors.js';
import type { RedisClient } from '../../src/stores/redis/redisClients.js';
import { redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { CaseTenant } from '../../src/testing/counterStoreCase.js';
import { sharedRedisUrl } from '../servers/redisServer.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function storeOf(redis: string | RedisClient) {
  const store = redisCounterStore(redisConnection(redis), { keyPrefix: `clients-${process.pid}:` });
  ends.push(() => store.close());
  return store;
}

test('four connections with fifty requests in flight each: exactly the limit is granted', async () => {
  const stores = Array.from({ length: 4 }, () => storeOf(sharedRedisUrl()));
  await Promise.all(stores.map((store) => store.ready()));
  const id = `crowd-${process.pid}-${Date.now()}`;
  const tenants = stores.map((store) => new CaseTenant(store, id));
  const day = await (tenants[0] as CaseTenant).present({ limit: 1_000, lengthMs: 86_400_000 });
  let granted = 0;
  const workers = tenants.flatMap((tenant) =>
    Array.from({ length: 50 }, async () => {
      for (let turn = 0; turn < 10; turn += 1) {
        const { outcome } = await tenant.decide(1, [day]);
        if (outcome === 'granted') granted += 1;
      }
    }),
  );
  await Promise.all(workers);
  expect(granted).toBe(1_000);
});

test('random costs from four connections never add up to more than the limit', async () => {
  const stores = Array.from({ length: 4 }, () => storeOf(sharedRedisUrl()));
  await Promise.all(stores.map((store) => store.ready()));
  const id = `costs-${process.pid}-${Date.now()}`;
  const tenants = stores.map((store) => new CaseTenant(store, id));
  const windows = await Promise.all([
    (tenants[0] as CaseTenant).present({ field: 'hour', limit: 997 }),
    (tenants[0] as CaseTenant).present({ field: 'day', limit: 1_500, lengthMs: 86_400_000 }),
  ]);
  let granted = 0;
  const workers = tenants.flatMap((tenant, index) =>
    Array.from({ length: 25 }, async (_, worker) => {
      for (let turn = 0; turn < 10; turn += 1) {
        const cost = 1 + ((index * 7 + worker * 3 + turn) % 9);
        const { outcome } = await tenant.decide(cost, windows);
        if (outcome === 'granted') granted += cost;
      }
    }),
  );
  await Promise.all(workers);
  expect(granted).toBeLessThanOrEqual(997);
  expect(await (tenants[0] as CaseTenant).used(windows)).toEqual([granted, granted]);
});

/** The counters over a client of an app, in the key where they lie by their own prefix. */
async function countsThrough(client: RedisClient): Promise<void> {
  const store = storeOf(client);
  await store.ready();
  const tenant = new CaseTenant(store, `own-${process.pid}-${randomUUID()}`);
  const hour = await tenant.present({ limit: 2 });
  const outcomes = [];
  for (let turn = 0; turn < 3; turn += 1) outcomes.push((await tenant.decide(1, [hour])).outcome);
  expect(outcomes).toEqual(['granted', 'granted', 'denied']);
  const admin = createClient({ url: sharedRedisUrl() });
  await admin.connect();
  ends.push(() => admin.close());
  expect(await admin.exists(`clients-${process.pid}:{${tenant.id}}:q`)).toBe(1);
}

describe("an app's own client is only copied: its options do not reach the counters, and it stays as it is", () => {
  const nodeRedis = () =>
    createClient({
      url: sharedRedisUrl(),
      keyPrefix: 'app:',
      commandOptions: { timeout: 1, typeMapping: { 36: Buffer } },
      pingInterval: 1_000,
    });
  const ioredis = () =>
    new IoredisRedis(sharedRedisUrl(), {
      lazyConnect: true,
      keyPrefix: 'app:',
      commandTimeout: 1,
      maxRetriesPerRequest: null,
      stringNumbers: true,
      enableAutoPipelining: true,
      readOnly: true,
    });

  test('node-redis, not connected', async () => {
    const app = nodeRedis();
    await countsThrough(app);
    expect(app.isOpen).toBe(false);
  });

  test('node-redis, subscribed', async () => {
    const app = nodeRedis();
    await app.connect();
    ends.push(async () => app.destroy());
    await app.subscribe('news', () => undefined);
    await countsThrough(app);
    expect(app.isPubSubActive).toBe(true);
  });

  test('node-redis, closed', async () => {
    const app = nodeRedis();
    await app.connect();
    await app.close();
    await countsThrough(app);
  });

  test('ioredis, not connected', async () => {
    const app = ioredis();
    await countsThrough(app);
    expect(app.status).toBe('wait');
  });

  test('ioredis, subscribed', async () => {
    const app = new IoredisRedis(sharedRedisUrl(), { protocol: 2 });
    ends.push(async () => app.disconnect());
    await app.subscribe('news');
    await countsThrough(app);
    expect(app.mode).toBe('subscriber');
  });

  test('ioredis, closed', async () => {
    const app = new IoredisRedis(sharedRedisUrl(), { lazyConnect: true });
    await app.connect();
    await app.quit();
    await countsThrough(app);
    expect(app.status).toBe('end');
  });
});

describe('what is no Redis for counters is refused at construction, with what was expected', () => {
  const faultOf = (make: () => unknown): TallygateError => {
    try {
      make();
    } catch (error) {
      return error as TallygateError;
    }
    throw new Error('expected it to be refused, got accepted');
  };
  const method = () => undefined;

  test.each<[string, object | number | null, RegExp]>([
    ['nothing', null, /got null/],
    ['a number', 6379, /got number/],
    ['an old client', { isReady: true, duplicate: method, quit: method }, /without evalSha, destroy, unref/],
    ['a pool', createClientPool({ url: sharedRedisUrl() }), /instead of a pool, pass a client/],
    ['sentinels of node-redis 5', { evalSha: method, getMasterNode: method, destroy: method }, /use 6, or REDIS_URL/],
    ['a list of no URLs', { mode: 'cluster', urls: [] }, /empty list/],
  ])('%s', (_, redis, message) => {
    const fault = faultOf(() => redisConnection(redis as RedisClient));
    expect(fault).toMatchObject({ code: 'invalid_configuration', message: expect.stringMatching(message) });
    expect(fault.faults[0]?.location).toBe('redis');
  });

  test.each(['redis', 'http://127.0.0.1:1', 'redis://', 'redis://127.0.0.1/x', 'redis://:secret@127.0.0.1:99999'])(
    'the URL %s, without repeating it',
    (url) => {
      const fault = faultOf(() => redisConnection(url));
      expect(fault).toMatchObject({ code: 'invalid_configuration' });
      expect(fault.message).not.toContain('secret');
    },
  );

  test('a key prefix that would be the hash tag', () => {
    const fault = faultOf(() => redisCounterStore(redisConnection(sharedRedisUrl()), { keyPrefix: 'a{b}' }));
    expect(fault).toMatchObject({ code: 'invalid_configuration' });
  });
});
