import { beforeEach, expect, test } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { silentObserver } from '../../ports/observer.js';
import { memoryCounterStore } from '../../stores/memory/memoryCounterStore.js';
import type { TenantQuota } from '../usage/quotaService.js';
import { Admission } from './admission.js';
import { Rehydration } from './rehydration.js';
import { StoreBreaker } from './storeBreaker.js';
import { StoreClock } from './storeClock.js';
import { TurnBatch } from './turnBatch.js';

const clock = { wallMs: () => Date.UTC(2026, 10, 24, 12) + now, monotonicMs: () => now };
const quota: TenantQuota = {
  ...{ plan: 'free', planSource: 'default', hasSetting: false, known: true, resetNumber: 0, version: 0 },
  validUntilMs: Number.POSITIVE_INFINITY,
  calendar: UTC_CALENDAR,
  limits: [{ name: 'day', window: 'day', limit: 10, enforce: 'hard', source: 'plan' }],
};
const LEDGER_HAS = 7;

let now: number;
let isDown: boolean;
/** Set: calls are never answered, and it is told of each. */
let onHang: (() => void) | undefined;
let generation: number;
let readings: number;
let flushes: number;
let admission: Admission;

beforeEach(() => {
  [now, isDown, onHang, generation, readings, flushes] = [1_000, false, undefined, 1, 0, 0];
  const inner = memoryCounterStore(clock);
  const store: CounterStore = {
    charge: async (request) => {
      if (!isDown) return inner.charge(request);
      if (onHang !== undefined)
        return new Promise(() => {
          onHang?.();
        });
      generation += 1;
      throw new TallygateError('counter_store_unavailable', 'away');
    },
    finish: async (request) => inner.finish(request),
    ready: async () => undefined,
    close: async () => undefined,
    get generation() {
      return generation;
    },
  };
  const breaker = new StoreBreaker({ store, clock, observer: silentObserver });
  const storeClock = new StoreClock(clock, silentObserver);
  const rehydration = new Rehydration({
    sumCharges: async (queries) => {
      readings += 1;
      return queries.map(() => LEDGER_HAS);
    },
    flushCharges: async () => {
      flushes += 1;
    },
    generation: () => breaker.generation,
    flushIntervalMs: 5_000,
    clock,
  });
  admission = new Admission({
    quotaOf: () => quota,
    ...{
      store: new TurnBatch({ store: breaker, storeClock, clock }),
      localStore: memoryCounterStore(clock),
      storeClock,
    },
    ...{ rehydration, storeRefuses: () => breaker.isRefusing, leases: undefined, policy: 'deny' },
    ...{ refusesUnknown: false, remembersDenials: true, timeoutMs: 250, clock, observer: silentObserver },
    onStoreFailure: () => undefined,
    onDecision: () => undefined,
  });
});

const outcome = async (tenantId: string): Promise<string> => (await admission.decide(tenantId, 1)).outcome;

test('once the store is known to be down no request waits for the ledger, whatever tenant it is of', async () => {
  expect(await outcome('acme')).toBe('admitted');
  isDown = true;
  for (let failure = 0; failure < 5; failure += 1) await outcome('acme');
  [readings, flushes] = [0, 0];
  for (const tenant of ['acme', 'acme', 'never seen before']) expect(await outcome(tenant)).toBe('unavailable');
  expect([readings, flushes]).toEqual([0, 0]);
});

test('no request waits behind the one of its tenant that finds out whether the store is back', async () => {
  await outcome('acme');
  isDown = true;
  for (let failure = 0; failure < 5; failure += 1) await outcome('acme');
  const asked = new Promise<void>((resolve) => {
    onHang = resolve;
  });
  now += 1_000;
  let probed = false;
  void outcome('acme').then(() => {
    probed = true;
  });
  await asked;
  for (let request = 0; request < 10; request += 1) expect(await outcome('acme')).toBe('unavailable');
  expect(probed).toBe(false);
});

test('the request that finds out whether it is back carries the sums of the ledger', async () => {
  await outcome('acme');
  isDown = true;
  for (let failure = 0; failure < 5; failure += 1) await outcome('acme');
  [readings, isDown] = [0, false];
  now += 1_000;
  const { limits } = await admission.decide('globex', 1);
  expect(limits).toMatchObject([{ name: 'day', used: LEDGER_HAS + 1 }]);
  expect(readings).toBe(1);
});
