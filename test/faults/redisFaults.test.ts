// What the counters do when Redis forgets its scripts, its data or itself, stalls, or loses a reply on the way.
import { createClient } from '@redis/client';
import { Redis as IoredisRedis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { hasCode } from '../../src/core/errors.js';
import { systemClock } from '../../src/ports/clock.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { StoreClock } from '../../src/services/admission/storeClock.js';
import { StoreGuard } from '../../src/services/admission/storeGuard.js';
import { type Redis, type RedisConnectionOptions, redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { CaseTenant, windowFrom } from '../../src/testing/counterStoreCase.js';
import { startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { startCuttingProxy } from './cuttingProxy.js';

const ends: (() => Promise<unknown>)[] = [];
const closing = <T>(thing: T, end: () => Promise<unknown>): T => {
  ends.push(end);
  return thing;
};

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function privateRedis(args: readonly string[] = []) {
  const server = await startRedis({ args });
  return closing(server, () => server.stop());
}

function storeAt(redis: Redis, options: RedisConnectionOptions = {}): CounterStore {
  const store = redisCounterStore(redisConnection(redis, options));
  return closing(store, () => store.close());
}

function guard(store: CounterStore): StoreGuard {
  const observer = { storeCalled: () => undefined, clockOffset: () => undefined };
  return new StoreGuard({ store, storeClock: new StoreClock(systemClock, observer), clock: systemClock, observer });
}

async function adminOf(url: string) {
  const client = createClient({ url });
  client.on('error', () => undefined); // servers are killed under it
  await client.connect();
  return closing(client, async () => client.destroy());
}

type MaybePromise<T> = T | Promise<T>;

/** The reply's outcome, or the code of the error. */
const outcomeOf = (call: MaybePromise<{ readonly outcome: string }>): Promise<string> =>
  Promise.resolve(call).then(
    (reply) => reply.outcome,
    (error) => {
      if (hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) return error.code;
      throw error;
    },
  );

test('SCRIPT FLUSH under load: no error, and every charge counts once', async () => {
  const server = await privateRedis();
  const store = storeAt(server.url);
  await store.ready();
  const admin = await adminOf(server.url);
  const tenant = new CaseTenant(store, 'flushed');
  const hour = await tenant.present({ limit: undefined });
  let charged = 0;
  const load = Array.from({ length: 20 }, async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      await tenant.decide(1, [hour]);
      charged += 1;
    }
  });
  const flushes = (async () => {
    while (charged < 1_900) await admin.scriptFlush();
  })();
  await Promise.all([...load, flushes]);
  expect(await tenant.used([hour])).toEqual([2_000]);
});

test.each([
  ['by URL', (url: string) => url],
  ['node-redis', (url: string) => createClient({ url })],
  ['ioredis, whose defaults send it again', (url: string) => new IoredisRedis(url, { lazyConnect: true })],
] as const)(
  'a reply lost after the script ran: charged once, reported as unknown, never sent again: %s',
  async (_, redis) => {
    const server = await privateRedis();
    const proxy = await startCuttingProxy(server.port);
    closing(proxy, () => proxy.close());
    const store = storeAt(redis(proxy.url));
    await store.ready();
    const tenant = new CaseTenant(store, 'cut');
    const hour = await tenant.present({ limit: 10 });
    await tenant.decide(1, [hour]);
    const generation = store.generation;
    proxy.cutNextReply();
    expect(await outcomeOf(tenant.charge(1, [hour]))).toBe('counter_store_timeout');
    expect(proxy.cuts).toBe(1);
    expect(store.generation).toBeGreaterThan(generation);
    await store.ready();
    expect(await tenant.used([hour])).toEqual([2]);
  },
);

test('while Redis is not there a charge is refused at once and certainly not made; it comes back by itself', async () => {
  const server = await privateRedis();
  const told: string[] = [];
  const store = storeAt(server.url, { onConnectionError: (error) => told.push(error.message) });
  await store.ready();
  const tenant = new CaseTenant(store, 'restarted');
  const hour = await tenant.present({ limit: 10 });
  await tenant.decide(3, [hour]);
  const before = store.generation;
  server.kill('SIGKILL');
  await until(() => told.length > 0, { what: 'the loss is told' });
  const startedAt = performance.now();
  expect(await outcomeOf(tenant.charge(1, [hour]))).toBe('counter_store_unavailable');
  expect(performance.now() - startedAt).toBeLessThan(50);
  await server.restart();
  await store.ready();
  expect(store.generation).toBeGreaterThan(before);
  expect(told.join()).toContain(new URL(server.url).host);
  expect(await tenant.used([hour])).toEqual([0]);
  expect((await tenant.decide(1, [hour])).outcome).toBe('granted');
});

test.each([
  ['node-redis', (url: string) => url],
  ['ioredis', (url: string) => new IoredisRedis(url, { lazyConnect: true })],
] as const)(
  'Redis stalls: no request waits longer than the timeout, and what the server runs late it does not charge: %s',
  async (_, redis) => {
    const server = await privateRedis();
    const store = storeAt(redis(server.url));
    await store.ready();
    const guarded = guard(store);
    const tenant = new CaseTenant(guarded, 'stalled');
    const hour = await tenant.present({ limit: undefined });
    await tenant.decide(1, [hour]);
    const generation = guarded.generation;
    server.kill('SIGSTOP');
    const startedAt = performance.now();
    const waits = Array.from({ length: 50 }, async (_, index) => {
      const outcome = await outcomeOf(
        guarded.charge({ tenantId: tenant.id, costs: [1], windows: [hour], resetNumber: 0, waitMs: 100 + index }),
      );
      return [outcome, performance.now() - startedAt - index] as const;
    });
    for (const [outcome, waitedMs] of await Promise.all(waits)) {
      expect(outcome).toBe('counter_store_timeout');
      expect(waitedMs).toBeGreaterThan(95);
      expect(waitedMs).toBeLessThan(250);
    }
    expect(guarded.generation).toBeGreaterThanOrEqual(generation + 50);
    server.kill('SIGCONT');
    // The first answer comes after the fifty before it in the same stream: by then each of them has been run, and was late.
    await until(async () => (await outcomeOf(new CaseTenant(guarded, tenant.id).charge(0, [hour]))) === 'granted');
    expect(await tenant.used([hour])).toEqual([1]);
  },
);

test('a connection without any reply for too long is given up and replaced', async () => {
  const server = await privateRedis();
  const told: string[] = [];
  const options = {
    stalledMs: 100,
    connectTimeoutMs: 200,
    onConnectionError: (error: Error) => told.push(error.message),
  };
  const store = storeAt(server.url, options);
  await store.ready();
  const hour = windowFrom(Date.now() - 1_000);
  server.kill('SIGSTOP');
  const charges: Promise<string>[] = [];
  await until(() => {
    charges.push(outcomeOf(new CaseTenant(store, 'dead').charge(1, [hour])));
    return told.some((message) => message.includes('no reply for 100 ms'));
  });
  // What had been sent is unknown; the one that found the connection dead, and those after it, were not sent.
  expect(new Set(await Promise.all(charges))).toEqual(new Set(['counter_store_timeout', 'counter_store_unavailable']));
  // The kernel accepts for a stalled server, so this attempt ends in the handshake.
  await until(() => told.some((message) => message.includes('no answer within 200 ms')));
  server.kill('SIGCONT');
  await store.ready();
});

test('FLUSHALL in mid-day: the day is unknown until the ledger has spoken, the minute begins anew', async () => {
  const server = await privateRedis();
  const store = storeAt(server.url);
  await store.ready();
  const tenant = new CaseTenant(store, 'flushall');
  const minute = await tenant.present({ field: 'minute', limit: 10 });
  const day = await tenant.present({ field: 'day', limit: 10, lengthMs: 86_400_000, fromLedger: true });
  const seeded = { ...day, floor: { start: day.starts[1], used: 0 } };
  await tenant.decide(4, [minute, seeded]);
  await (await adminOf(server.url)).flushAll();
  expect((await tenant.charge(1, [minute, day])).outcome).toBe('cold');
  const again = { ...day, floor: { start: day.starts[1], used: 4 } };
  expect((await tenant.decide(1, [minute, again])).windows.map((window) => window.used)).toEqual([1, 5]);
});

test('an error reply that came before any write is certainly no charge', async () => {
  const server = await privateRedis();
  const store = storeAt(server.url);
  await store.ready();
  const admin = await adminOf(server.url);
  const tenant = new CaseTenant(store, 'refused');
  const hour = await tenant.present();
  await tenant.decide(1, [hour]);
  const generation = store.generation;
  await admin.configSet('maxmemory', '1');
  expect(await outcomeOf(tenant.charge(1, [hour]))).toBe('counter_store_unavailable');
  await admin.configSet('maxmemory', '0');
  expect(store.generation).toBeGreaterThan(generation);
  expect(await tenant.used([hour])).toEqual([1]);
  await admin.set('tg:{text}:q', 'not a hash');
  expect(await outcomeOf(tenant.other('text').charge(1, [hour]))).toBe('counter_store_unavailable');
});

test('a server that is no master any more is left: whoever is asked for the address next may know the new one', async () => {
  const server = await privateRedis();
  const told: string[] = [];
  const store = storeAt(server.url, { onConnectionError: (error) => told.push(error.message) });
  await store.ready();
  const tenant = new CaseTenant(store, 'demoted');
  const hour = await tenant.present();
  await tenant.decide(1, [hour]);
  const admin = await adminOf(server.url);
  await admin.replicaOf('127.0.0.1', 1);
  const generation = store.generation;
  expect(await outcomeOf(tenant.charge(1, [hour]))).toBe('counter_store_unavailable');
  expect(told[0]).toContain('READONLY');
  expect(store.generation).toBeGreaterThan(generation);
  await admin.sendCommand(['REPLICAOF', 'NO', 'ONE']);
  await until(async () => (await outcomeOf(tenant.charge(1, [hour]))) === 'granted', { what: 'it is a master again' });
  expect(await tenant.used([hour])).toEqual([2]);
});

test('a server that is down at first is waited for, and closing ends the wait', async () => {
  const server = await privateRedis();
  const told: string[] = [];
  await server.stop();
  const store = storeAt(server.url, { onConnectionError: (error) => told.push(error.message) });
  const ready = store.ready();
  await until(() => told.length >= 2);
  expect(told[0]).toContain('ECONNREFUSED');
  await server.restart();
  await ready;
  await server.stop();
  await until(() =>
    outcomeOf(new CaseTenant(store, 'gone').charge(0, [])).then((code) => code === 'counter_store_unavailable'),
  );
  const waiting = store.ready();
  await store.close();
  await expect(waiting).rejects.toMatchObject({ code: 'closed' });
  expect(await outcomeOf(new CaseTenant(store, 'gone').charge(0, []))).toBe('counter_store_unavailable');
});
