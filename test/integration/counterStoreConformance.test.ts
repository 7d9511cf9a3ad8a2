// The same guarantees from every counter store, bare and behind the guard.
import { describe, test } from 'vitest';
import { systemClock } from '../../src/ports/clock.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import type { Observer } from '../../src/ports/observer.js';
import { StoreClock } from '../../src/services/admission/storeClock.js';
import { StoreGuard } from '../../src/services/admission/storeGuard.js';
import { memoryCounterStore } from '../../src/stores/memory/memoryCounterStore.js';
import { redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { counterStoreCases } from '../../src/testing/index.js';
import { sharedRedisUrl } from '../servers/redisServer.js';

const silent: Pick<Observer, 'storeCalled' | 'clockOffset'> = {
  storeCalled: () => undefined,
  clockOffset: () => undefined,
};

function guarded(store: CounterStore): CounterStore {
  const storeClock = new StoreClock(systemClock, silent);
  return new StoreGuard({ store, storeClock, clock: systemClock, observer: silent, timeoutMs: 10_000 });
}

const memory = () => memoryCounterStore(systemClock);
const redis = () => redisCounterStore(redisConnection(sharedRedisUrl()), { keyPrefix: `conformance-${process.pid}:` });

const STORES: readonly (readonly [name: string, make: () => CounterStore])[] = [
  ['memory', memory],
  ['memory behind the guard', () => guarded(memory())],
  ['Redis', redis],
  ['Redis behind the guard', () => guarded(redis())],
];

for (const [store, make] of STORES) {
  describe(store, () => {
    for (const { name, run } of counterStoreCases) test(name, () => run(make));
  });
}
