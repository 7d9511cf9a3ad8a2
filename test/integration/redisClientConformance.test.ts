// The same guarantees from the counters in Redis over every client and every kind of Redis.
import { createSentinel } from '@redis/client';
import { Cluster as IoredisCluster, Redis as IoredisRedis } from 'ioredis';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { type Redis, redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { counterStoreCases } from '../../src/testing/index.js';
import { type RedisClusterServers, startRedisCluster } from '../servers/redisCluster.js';
import { type RedisSentinels, startRedisSentinels } from '../servers/redisSentinels.js';
import { sharedRedisUrl } from '../servers/redisServer.js';

let cluster: RedisClusterServers;
let sentinels: RedisSentinels;

beforeAll(async () => {
  [cluster, sentinels] = await Promise.all([startRedisCluster(), startRedisSentinels()]);
});

afterAll(async () => {
  await Promise.all([cluster?.stop(), sentinels?.stop()]);
});

const hostAndPort = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) });

// Each way that a command can take once; the others differ in how their servers are found: test/faults/redisCluster.test.ts and
// redisSentinels.test.ts. None of the clients is ever connected: an app's client is only copied.
const CLIENTS: readonly (readonly [name: string, redis: () => Redis])[] = [
  ['one server, ioredis', () => new IoredisRedis(sharedRedisUrl(), { lazyConnect: true })],
  ['a cluster by URL', () => ({ mode: 'cluster', urls: cluster.urls })],
  ['a cluster, ioredis', () => new IoredisCluster(cluster.urls.map(hostAndPort), { lazyConnect: true })],
  ['sentinels by URL', () => ({ mode: 'sentinel', urls: sentinels.urls, sentinelName: sentinels.name })],
  [
    'sentinels, node-redis',
    () => createSentinel({ name: sentinels.name, sentinelRootNodes: sentinels.urls.map(hostAndPort) }),
  ],
];

for (const [name, redis] of CLIENTS) {
  describe(name, () => {
    let store: CounterStore;

    beforeAll(async () => {
      store = redisCounterStore(redisConnection(redis()), { keyPrefix: `clients-${process.pid}:` });
      await store.ready();
    });

    afterAll(() => store.close());

    // One connection for all cases: to find a cluster anew for each of them would take most of the time.
    const shared = (): CounterStore => ({
      charge: (request) => store.charge(request),
      finish: (request) => store.finish(request),
      ready: () => store.ready(),
      get generation() {
        return store.generation;
      },
      close: async () => undefined,
    });

    // At once: each case has tenants of its own, and some wait for the store's clock.
    for (const { name, run } of counterStoreCases) test.concurrent(name, () => run(shared));
  });
}
