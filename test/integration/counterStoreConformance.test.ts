// The same guarantees from every counter store, bare and behind each of its wrappers, which have a store's shape.
import { describe, test } from 'vitest';
import { systemClock } from '../../src/ports/clock.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { silentObserver } from '../../src/ports/observer.js';
import { StoreBreaker } from '../../src/services/admission/storeBreaker.js';
import { StoreClock } from '../../src/services/admission/storeClock.js';
import { StoreGuard } from '../../src/services/admission/storeGuard.js';
import { TurnBatch } from '../../src/services/admission/turnBatch.js';
import { memoryCounterStore } from '../../src/stores/memory/memoryCounterStore.js';
import { redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { counterStoreCases } from '../../src/testing/index.js';
import { sharedRedisUrl } from '../servers/redisServer.js';

const observer = silentObserver;
const clock = systemClock;

function guarded(store: CounterStore): CounterStore {
  const storeClock = new StoreClock(clock, observer);
  return new StoreGuard({ store, storeClock, clock, observer, timeoutMs: 10_000 });
}
const broken = (store: CounterStore): CounterStore => new StoreBreaker({ store, clock, observer });
const grouped = (store: CounterStore): CounterStore =>
  new TurnBatch({ store, clock, storeClock: new StoreClock(clock, observer) });

const memory = () => memoryCounterStore(systemClock);
const redis = () => redisCounterStore(redisConnection(sharedRedisUrl()), { keyPrefix: `conformance-${process.pid}:` });

const STORES: readonly (readonly [name: string, make: () => CounterStore])[] = [
  ['memory', memory],
  ['memory behind the guard', () => guarded(memory())],
  ['memory behind the breaker', () => broken(memory())],
  ['memory behind the groups', () => grouped(memory())],
  ['Redis', redis],
  ['Redis behind the guard', () => guarded(redis())],
  ['Redis behind the breaker', () => broken(redis())],
  ['Redis behind the groups', () => grouped(redis())],
  ['Redis behind all of them, as an installation has it', () => grouped(broken(guarded(redis())))],
];

for (const [store, make] of STORES) {
  describe(store, () => {
    // At once: each case has a tenant of its own, and most of a sliding one's time is waiting.
    for (const { name, run } of counterStoreCases) test.concurrent(name, () => run(make));
  });
}
