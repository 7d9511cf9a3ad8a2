// A cluster that is not there at first, or only half, and what a connection to one means for the process. One node that serves all
// slots is a cluster too.
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { CaseTenant } from '../../src/testing/counterStoreCase.js';
import { builtModule } from '../servers/builtModule.js';
import { startProcess } from '../servers/childProcess.js';
import { freeClusterPort } from '../servers/freePort.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';

let node: RedisServer;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  // A node that nobody has met does not know its own address.
  const args = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
  node = await startRedis({ port: await freeClusterPort(), args });
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

afterAll(() => node?.stop());

function storeOf(...urls: [string, ...string[]]) {
  const told: string[] = [];
  const onConnectionError = (error: Error) => void told.push(error.message);
  const store = redisCounterStore(redisConnection({ mode: 'cluster', urls }, { onConnectionError }));
  ends.push(() => store.close());
  return { store, told };
}

test('a cluster that is not there is waited for, a charge is refused meanwhile, and closing ends the wait', async () => {
  const { store, told } = storeOf('redis://127.0.0.1:1', 'redis://127.0.0.1:2');
  const waiting = store.ready();
  waiting.catch(() => undefined); // looked at below
  const expected = /^Redis Cluster at 127\.0\.0\.1:1, 127\.0\.0\.1:2: .*ECONNREFUSED.*; trying again$/;
  await until(() => told.some((message) => expected.test(message)), { what: 'it says who refuses' });
  await expect(new CaseTenant(store, 'nobody').charge(1, [])).rejects.toMatchObject({
    code: 'counter_store_unavailable',
  });
  await store.close();
  await expect(waiting).rejects.toMatchObject({ code: 'closed' });
});

test('a node that belongs to no cluster is said, and waited for', async () => {
  const { store, told } = storeOf(node.url);
  const ready = store.ready();
  await until(() => told.some((message) => message.includes('knows of no slots')));
  const admin = createClient({ url: node.url });
  await admin.connect();
  ends.push(async () => admin.destroy());
  await admin.clusterAddSlotsRange({ start: 0, end: 16_383 });
  await ready;
  const tenant = new CaseTenant(store, 'first');
  // The node says that it serves the slots a moment before it does.
  await until(() => tenant.charge(1, []), { what: 'a charge is answered' });
});

test.each([
  ['by URL', () => JSON.stringify({ mode: 'cluster', urls: [node.url] })],
  [
    'ioredis',
    () => `new (require('ioredis').Cluster)([{ host: '127.0.0.1', port: ${node.port} }], { lazyConnect: true })`,
  ],
])('whoever waits for the cluster holds the process open, an idle connection does not: %s', async (_, redis) => {
  const script = `
    const { redisConnection } = require(${JSON.stringify(builtModule('stores/redis/redisConnection'))});
    redisConnection(${redis()}).ready().then(() => console.log('ready'));`;
  const process = await startProcess('node', ['-e', script]);
  ends.push(() => process.end());
  expect(await process.exit).toEqual({ code: 0, signal: null });
  expect(process.stdout()).toBe('ready\n');
});
