// The counters in a real Redis Cluster: where tenants lie, slots that move, scripts that are lost, replies that are lost, and a
// server that stalls. What becomes of tenants when a master dies is in redisClusterFailover.test.ts.
import { randomBytes } from 'node:crypto';
import { createCluster } from '@redis/client';
import { Cluster as IoredisCluster } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hasCode } from '../../src/core/errors.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { keySlot, SLOTS } from '../../src/stores/redis/keySlot.js';
import { type Redis, type RedisConnectionOptions, redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { CaseTenant, HOUR_MS, windowFrom } from '../../src/testing/counterStoreCase.js';
import { type RedisClusterServers, startRedisCluster } from '../servers/redisCluster.js';
import type { RedisServer } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { type CuttingProxy, startCuttingProxy } from './cuttingProxy.js';

let cluster: RedisClusterServers;
let masters: readonly RedisServer[];
let proxies: readonly CuttingProxy[];
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster();
  masters = cluster.nodes.slice(0, 3);
  proxies = await Promise.all(masters.map((master) => startCuttingProxy(master.port)));
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

afterAll(async () => {
  for (const proxy of proxies ?? []) await proxy.close();
  await cluster?.stop();
});

const portOf = (url: string): number => Number(new URL(url).port);
const nodesOf = () => cluster.urls.map((url) => ({ host: '127.0.0.1', port: portOf(url) }));

/** Each master is reached by a proxy that can cut; also what an address map is for. */
const throughProxies = (): Record<string, { host: string; port: number }> =>
  Object.fromEntries(
    masters.map((master, index) => [
      `127.0.0.1:${master.port}`,
      { host: '127.0.0.1', port: portOf((proxies[index] as CuttingProxy).url) },
    ]),
  );

const CLIENTS: readonly (readonly [name: string, redis: () => Redis])[] = [
  ['by URL', () => ({ mode: 'cluster', urls: cluster.urls })],
  [
    'node-redis',
    () =>
      createCluster({ rootNodes: cluster.urls.map((url) => ({ url })), nodeAddressMap: (at) => throughProxies()[at] }),
  ],
  ['ioredis', () => new IoredisCluster(nodesOf(), { lazyConnect: true, natMap: throughProxies() })],
];

async function storeOf(redis: Redis, options: RedisConnectionOptions = {}): Promise<CounterStore> {
  const store = redisCounterStore(redisConnection(redis, options));
  ends.push(() => store.close());
  await store.ready();
  return store;
}

const byUrl = () => storeOf({ mode: 'cluster', urls: cluster.urls });

const keyOf = (id: string): string => `tg:{${encodeURIComponent(id)}}:q`;

/** The first masters' ranges, as they were dealt out. */
const masterOf = (id: string): number =>
  [1, 2, 3].findIndex((part) => keySlot(keyOf(id)) < Math.floor((part * SLOTS) / 3));

/** A tenant on the given master. */
function tenantOn(store: CounterStore, master: number): CaseTenant {
  for (let attempt = 0; ; attempt += 1) {
    const id = `${randomBytes(6).toString('hex')}-${attempt}`;
    if (masterOf(id) === master) return new CaseTenant(store, id);
  }
}

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error) => {
      if (hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) return error.code;
      throw error;
    },
  );

test('a key is in the slot that the server says', async () => {
  const keys = ['', 'a', '{}a', '{a}b', 'x{a}{b}', '{', '}{a', 'tg:{ä€😀}:q', 'a{b'];
  for (let length = 1; length < 40; length += 1) keys.push(randomBytes(length).toString('base64'));
  for (const key of keys)
    expect([key, keySlot(key)]).toEqual([
      key,
      await cluster.call(masters[0] as RedisServer, 'CLUSTER', 'KEYSLOT', key),
    ]);
});

test('tenants spread over the masters whatever their ids, and no id chooses its slot', async () => {
  const store = await byUrl();
  const counts = async () => Promise.all(masters.map(async (master) => Number(await cluster.call(master, 'DBSIZE'))));
  const before = await counts();
  const ids = Array.from({ length: 300 }, (_, index) => `{same}-${index}{${index}}`);
  await Promise.all(
    ids.map(async (id) => {
      const tenant = new CaseTenant(store, id);
      await tenant.decide(1, [await tenant.present()]);
    }),
  );
  const shares = (await counts()).map((count, index) => count - (before[index] as number));
  expect(shares.reduce((sum, share) => sum + share)).toBe(300);
  for (const share of shares) expect(share).toBeGreaterThan(60);
});

describe.each(CLIENTS)('%s', (name, redis) => {
  test('SCRIPT FLUSH on every node under load: no error, and every charge counts once', async () => {
    const store = await storeOf(redis());
    const tenants = [0, 1, 2].map((master) => tenantOn(store, master));
    const hours = await Promise.all(tenants.map((tenant) => tenant.present({ limit: undefined })));
    let charged = 0;
    const load = tenants.flatMap((tenant, index) =>
      Array.from({ length: 5 }, async () => {
        for (let turn = 0; turn < 20; turn += 1) {
          await tenant.decide(1, [hours[index] as (typeof hours)[number]]);
          charged += 1;
        }
      }),
    );
    const flushes = (async () => {
      while (charged < 280) for (const master of masters) await cluster.call(master, 'SCRIPT', 'FLUSH');
    })();
    await Promise.all([...load, flushes]);
    const used = await Promise.all(
      tenants.map((tenant, index) => tenant.used([hours[index] as (typeof hours)[number]])),
    );
    expect(used).toEqual([[100], [100], [100]]);
  });

  // By URL there is no address map, and so no proxy; it is node-redis underneath.
  if (name === 'by URL') return;

  test('a reply lost after the script ran: charged once, reported as unknown, and other tenants notice nothing', async () => {
    const store = await storeOf(redis());
    const [cut, other] = [tenantOn(store, 1), tenantOn(store, 2)];
    const hour = await cut.present({ limit: 10 });
    await cut.decide(1, [hour]);
    const generation = store.generation;
    proxies[1]?.cutNextReply();
    expect(await codeOf(cut.charge(1, [hour]))).toBe('counter_store_timeout');
    expect(store.generation).toBeGreaterThan(generation);
    expect((await other.decide(1, [hour])).outcome).toBe('granted');
    await until(async () => (await codeOf(cut.charge(0, [hour]))) === 'answered', { what: 'the connection is back' });
    expect(await cut.used([hour])).toEqual([2]);
  });
});

describe('a slot that moves', () => {
  /** Moves a tenant's slot from one node to another; in between its key is on neither side's own. */
  async function move(id: string, from: RedisServer, to: RedisServer, between: () => Promise<void>): Promise<void> {
    const slot = String(keySlot(keyOf(id)));
    const [fromId, toId] = [await cluster.idOf(from), await cluster.idOf(to)];
    await cluster.call(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await cluster.call(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    await cluster.call(from, 'MIGRATE', '127.0.0.1', String(to.port), keyOf(id), '0', '5000');
    await between();
    await cluster.call(to, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    for (const node of masters) await cluster.call(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  }

  test.each(CLIENTS)(
    '%s: every charge is answered and counts once, while it moves and afterwards',
    async (name, redis) => {
      const store = await storeOf(redis());
      const [from, to] = [0, 1].map((master) => masters[master]) as [RedisServer, RedisServer];
      const tenant = tenantOn(store, 0);
      const hour = await tenant.present({ limit: 10 });
      await tenant.decide(1, [hour]);
      await move(tenant.id, from, to, async () => {
        // An address map is not applied to where ASK leads: the node takes the connection by its own name.
        expect((await tenant.decide(1, [hour])).outcome, name).toBe('granted');
      });
      const generation = store.generation;
      expect((await tenant.decide(1, [hour])).outcome).toBe('granted');
      expect(await tenant.used([hour])).toEqual([3]);
      await until(() => store.generation > generation, { what: 'the change of owner is counted' });
    },
  );

  test('to a server that served none before', async () => {
    const store = await byUrl();
    const fresh = await cluster.addNode();
    const tenant = tenantOn(store, 2);
    const hour = await tenant.present({ limit: 10 });
    await tenant.decide(1, [hour]);
    await move(tenant.id, masters[2] as RedisServer, fresh, async () => {
      expect((await tenant.decide(1, [hour])).outcome).toBe('granted');
    });
    expect((await tenant.decide(1, [hour])).outcome).toBe('granted');
    expect(await tenant.used([hour])).toEqual([3]);
  });
});

test('a master that stalls is given up after the stated time; tenants of the others are served all the while', async () => {
  const told: string[] = [];
  const store = await storeOf(
    { mode: 'cluster', urls: cluster.urls },
    { stalledMs: 100, connectTimeoutMs: 200, onConnectionError: (error) => told.push(error.message) },
  );
  const [stalled, other] = [tenantOn(store, 2), tenantOn(store, 0)];
  const hour = await stalled.present({ limit: undefined });
  await stalled.decide(1, [hour]);
  masters[2]?.kill('SIGSTOP');
  const codes: Promise<string>[] = [];
  try {
    await until(async () => {
      codes.push(codeOf(stalled.charge(1, [hour])));
      expect((await other.decide(1, [hour])).outcome).toBe('granted');
      return told.some((message) => message.includes('no reply for 100 ms'));
    });
    expect(new Set(await Promise.all(codes))).toEqual(new Set(['counter_store_timeout', 'counter_store_unavailable']));
  } finally {
    masters[2]?.kill('SIGCONT');
  }
  await until(async () => (await codeOf(stalled.charge(0, [hour]))) === 'answered', { what: 'it is back' });
});

test('a master that is dead at the start hinders nobody but its own tenants', async () => {
  // The last test that uses the cluster: its replica takes over only after the node timeout.
  masters[1]?.kill('SIGKILL');
  const store = await byUrl();
  const hour = windowFrom(Date.now() - HOUR_MS / 2);
  expect((await tenantOn(store, 2).decide(1, [hour])).outcome).toBe('granted');
  const orphan = tenantOn(store, 1);
  expect(await codeOf(orphan.charge(1, [hour]))).toBe('counter_store_unavailable');
  await until(async () => (await codeOf(orphan.charge(1, [hour]))) === 'answered', { deadlineMs: 30_000 });
});

test('the password of the URL, or of the client, holds for every server', async () => {
  // As for the dead master before: what comes after this test has no password.
  const living = cluster.nodes.filter((node) => node !== masters[1]);
  for (const node of living) await cluster.call(node, 'CONFIG', 'SET', 'requirepass', 'p,w@');
  const [first, ...others] = living.map(({ port }) => `redis://127.0.0.1:${port}`);
  const secret = `redis://:${encodeURIComponent('p,w@')}@${(first as string).slice('redis://'.length)}`;
  const password = 'p,w@';
  const clients: readonly Redis[] = [
    { mode: 'cluster', urls: [secret, ...others] },
    createCluster({ rootNodes: living.map(({ url }) => ({ url })), defaults: { password } }),
    new IoredisCluster(nodesOf(), { lazyConnect: true, redisOptions: { password } }),
  ];
  for (const redis of clients) {
    const store = await storeOf(redis);
    for (const master of [0, 1, 2]) {
      const tenant = tenantOn(store, master);
      expect((await tenant.decide(1, [await tenant.present()])).outcome).toBe('granted');
    }
  }
});
