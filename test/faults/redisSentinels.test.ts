// The counters behind real sentinels: a reply that is lost, and a master that dies.
import { createClient, createSentinel } from '@redis/client';
import { Redis as IoredisRedis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { hasCode } from '../../src/core/errors.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { type Redis, redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { CaseTenant } from '../../src/testing/counterStoreCase.js';
import { type RedisSentinels, startRedisSentinels } from '../servers/redisSentinels.js';
import { until } from '../servers/until.js';
import { type CuttingProxy, startCuttingProxy } from './cuttingProxy.js';

let servers: RedisSentinels;
let proxy: CuttingProxy;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  servers = await startRedisSentinels();
  proxy = await startCuttingProxy(servers.master.port);
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

afterAll(async () => {
  await proxy?.close();
  await servers?.stop();
});

const addressOf = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) });
/** Leads whoever connects to the master through the proxy. */
const throughProxy = () => ({ [`127.0.0.1:${servers.master.port}`]: addressOf(proxy.url) });

const byUrl = (): Redis => ({ mode: 'sentinel', urls: servers.urls, sentinelName: servers.name });
const nodeRedis = (nodeAddressMap = {}) =>
  createSentinel({ name: servers.name, sentinelRootNodes: servers.urls.map(addressOf), nodeAddressMap });
const ioredis = (natMap = {}) =>
  new IoredisRedis({ name: servers.name, sentinels: servers.urls.map(addressOf), natMap, lazyConnect: true });

async function storeOf(redis: Redis): Promise<CounterStore> {
  const store = redisCounterStore(redisConnection(redis));
  ends.push(() => store.close());
  await store.ready();
  return store;
}

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error) => {
      if (hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) return error.code;
      throw error;
    },
  );

test.each([
  ['node-redis, which sends it again unless told otherwise', () => nodeRedis(throughProxy())],
  ['ioredis, which sends it again unless told otherwise', () => ioredis(throughProxy())],
])('a reply lost after the script ran: charged once, reported as unknown: %s', async (name, redis) => {
  const store = await storeOf(redis());
  const tenant = new CaseTenant(store, `cut-${name}`);
  const hour = await tenant.present({ limit: 10 });
  await tenant.decide(1, [hour]);
  const generation = store.generation;
  const cuts = proxy.cuts;
  proxy.cutNextReply();
  expect(await codeOf(tenant.charge(1, [hour]))).toBe('counter_store_timeout');
  expect(proxy.cuts).toBe(cuts + 1);
  expect(store.generation).toBeGreaterThan(generation);
  await store.ready();
  expect(await tenant.used([hour])).toEqual([2]);
});

test('the master dies: every client is served by the next one, and until then refused at once, nothing being queued', async () => {
  const clients = [
    ['by URL', byUrl()],
    ['node-redis', nodeRedis()],
    ['ioredis', ioredis()],
  ] as const;
  const tenants = await Promise.all(
    clients.map(async ([name, redis]) => new CaseTenant(await storeOf(redis), `failover ${name}`)),
  );
  const hour = await (tenants[0] as CaseTenant).present({ limit: undefined });
  for (const tenant of tenants) await tenant.decide(1, [hour]);
  const generations = tenants.map(({ store }) => store.generation);
  servers.master.kill('SIGKILL');
  const killedAt = performance.now();
  const served = await Promise.all(
    tenants.map(async (tenant) => {
      await until(async () => (await codeOf(tenant.charge(0, [hour]))) !== 'answered', { what: 'the loss is noticed' });
      const refusedAt = performance.now();
      expect(await codeOf(tenant.charge(1, [hour]))).toBe('counter_store_unavailable');
      expect(performance.now() - refusedAt).toBeLessThan(100);
      await until(async () => (await codeOf(tenant.charge(0, [hour]))) === 'answered', { deadlineMs: 30_000 });
      return performance.now() - killedAt;
    }),
  );
  const figures = clients.map(([name], index) => `${name} ${((served[index] as number) / 1000).toFixed(1)} s`);
  process.stdout.write(`sentinels: served again after the death of the master: ${figures.join(', ')}\n`);
  for (const [index, tenant] of tenants.entries()) {
    expect(tenant.store.generation).toBeGreaterThan(generations[index] as number);
    // At most what was charged: nothing that was refused is sent later.
    expect((await tenant.used([hour]))[0]).toBeLessThanOrEqual(1);
  }
}, 60_000);

test('the password of the URL holds for the master; a sentinel that asks for none does not mind', async () => {
  const { host } = new URL(servers.replica.url);
  const admin = createClient({ url: `redis://${host}` });
  await admin.connect();
  await admin.configSet('requirepass', 'secret');
  admin.destroy();
  const [first, ...others] = servers.urls;
  const urls = [first.replace('redis://', 'redis://:secret@'), ...others] as const;
  const store = await storeOf({ mode: 'sentinel', urls, sentinelName: servers.name });
  const tenant = new CaseTenant(store, 'secret');
  expect((await tenant.decide(1, [await tenant.present()])).outcome).toBe('granted');
});

test('a name that the sentinels do not know is said', async () => {
  const told: string[] = [];
  const unknown = { mode: 'sentinel', urls: servers.urls, sentinelName: 'nobody' } as const;
  const store = redisCounterStore(redisConnection(unknown, { onConnectionError: (error) => told.push(error.message) }));
  ends.push(() => store.close());
  store.ready().catch(() => undefined);
  await until(() => told.length > 0);
  expect(told[0]).toMatch(/no sentinel named the master "nobody"; the last one: it knows no master "nobody"/);
});
