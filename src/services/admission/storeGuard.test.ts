import { describe, expect, test, vi } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../../core/quota/reservation.js';
import { systemClock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { StoreClock } from './storeClock.js';
import { StoreGuard } from './storeGuard.js';

const REQUEST: ChargeRequest = { tenantId: 'tenant', costs: [1], windows: [], resetNumber: 0 };
const granted = (timeMs: number): ChargeReply => ({
  ...{ outcome: 'decided', timeMs, resetNumber: 0, incarnation: '', granted: [true] },
  ...{ windows: [], block: 0, charged: 1, crossed: [] },
});
const FINISH: FinishRequest = { tenantId: 'tenant', id: 'r', action: { kind: 'release' } };
const released = (timeMs: number): FinishReply => ({ outcome: 'released', timeMs, resetNumber: 0, estimate: 1 });

/** A store that answers when the test says so. */
class HeldStore implements CounterStore {
  generation = 7;
  readonly calls: { request: ChargeRequest; answer: (reply: ChargeReply) => void; fail: (error: unknown) => void }[] =
    [];
  readonly finishes: { answer: (reply: FinishReply) => void }[] = [];

  charge(request: ChargeRequest): Promise<ChargeReply> {
    return new Promise((answer, fail) => this.calls.push({ request, answer, fail }));
  }
  finish = (_: FinishRequest): Promise<FinishReply> =>
    new Promise((answer) => {
      this.finishes.push({ answer });
    });
  ready = () => Promise.resolve();
  close = () => Promise.resolve();
}

function guardOf(store: CounterStore, timeoutMs = 40) {
  const observer = { storeCalled: vi.fn(), clockOffset: vi.fn() };
  const storeClock = new StoreClock(systemClock, observer);
  return {
    guard: new StoreGuard({ store, storeClock, clock: systemClock, observer, timeoutMs }),
    observer,
    storeClock,
  };
}

describe('a store that answers with a value', () => {
  test('the value passes through as a value, and the request as it is', () => {
    const requests: ChargeRequest[] = [];
    const charge = (request: ChargeRequest) => {
      requests.push(request);
      return granted(5);
    };
    const store = { ...new HeldStore(), charge };
    const { guard, observer, storeClock } = guardOf(store);
    storeClock.observe(1_000);
    expect(guard.charge(REQUEST)).toEqual(granted(5));
    expect(guard.charge(REQUEST)).toEqual(granted(5));
    expect(requests[1]).toBe(REQUEST);
    expect(observer.storeCalled).toHaveBeenLastCalledWith('answered', 0);
  });

  test('what it throws is thrown on', () => {
    const error = new TallygateError('counter_store_unavailable', 'full');
    const charge = () => {
      throw error;
    };
    expect(() => guardOf({ ...new HeldStore(), charge }).guard.charge(REQUEST)).toThrow(error);
  });
});

describe('the timeout', () => {
  test('ends each wait after its own time, reports it as unknown, and counts as a step of the generation', async () => {
    const store = new HeldStore();
    const { guard, observer } = guardOf(store);
    const startedAt = performance.now();
    const ended: [number, number][] = [];
    const waits = [60, 20, 40].map(async (waitMs) => {
      await expect(guard.charge({ ...REQUEST, waitMs })).rejects.toMatchObject({ code: 'counter_store_timeout' });
      ended.push([waitMs, performance.now() - startedAt]);
    });
    await Promise.all(waits);
    expect(ended.map(([waitMs]) => waitMs)).toEqual([20, 40, 60]);
    for (const [waitMs, waitedMs] of ended) expect(waitedMs).toBeGreaterThanOrEqual(waitMs);
    expect(guard.generation).toBe(7 + 3);
    expect(observer.storeCalled).toHaveBeenCalledTimes(3);
    expect(observer.storeCalled).toHaveBeenCalledWith('timeout', expect.any(Number));
  });

  test('many waits share one timer', async () => {
    const store = new HeldStore();
    const { guard } = guardOf(store, 1_000);
    const timers = vi.spyOn(globalThis, 'setTimeout');
    try {
      const waits = Array.from({ length: 100 }, () => guard.charge(REQUEST));
      for (const call of store.calls) call.answer(granted(1));
      await Promise.all(waits);
      await Promise.all([guard.charge(REQUEST), store.calls[100]?.answer(granted(1))]);
      expect(timers).toHaveBeenCalledTimes(1);
    } finally {
      timers.mockRestore();
    }
  });

  test('a wait that is shorter than those before it still ends in time', async () => {
    const store = new HeldStore();
    const { guard } = guardOf(store, 5_000);
    const long = Promise.resolve(guard.charge(REQUEST));
    await expect(guard.charge({ ...REQUEST, waitMs: 10 })).rejects.toMatchObject({ code: 'counter_store_timeout' });
    store.calls[0]?.answer(granted(2));
    expect(await long).toEqual(granted(2));
  });

  test('a reply that came while the event loop was busy counts', async () => {
    const store = new HeldStore();
    const { guard } = guardOf(store, 20);
    const wait = guard.charge(REQUEST);
    // As a socket would: read in the first poll phase after the busy time, which comes after the timers.
    const { port1, port2 } = new MessageChannel();
    port1.on('message', () => {
      store.calls[0]?.answer(granted(3));
      port1.close();
    });
    port2.postMessage('reply');
    for (const until = performance.now() + 60; performance.now() < until; );
    expect(await wait).toEqual(granted(3));
  });

  test('without time left nothing is sent, and nothing was charged', async () => {
    const store = new HeldStore();
    const charge = guardOf(store).guard.charge({ ...REQUEST, waitMs: 0 });
    await expect(charge).rejects.toMatchObject({ code: 'counter_store_unavailable' });
    expect(store.calls).toHaveLength(0);
  });

  test('a reply or an error after the wait has ended changes nothing, but tells the time', async () => {
    const store = new HeldStore();
    const { guard, observer, storeClock } = guardOf(store, 10);
    await expect(guard.charge(REQUEST)).rejects.toMatchObject({ code: 'counter_store_timeout' });
    await expect(guard.charge(REQUEST)).rejects.toMatchObject({ code: 'counter_store_timeout' });
    store.calls[0]?.answer(granted(50_000));
    store.calls[1]?.fail(new TallygateError('counter_store_timeout', 'cut'));
    await new Promise(setImmediate);
    expect(storeClock.estimateMs()).toBeLessThan(60_000);
    expect(observer.storeCalled).toHaveBeenCalledTimes(2);
  });
});

describe('errors', () => {
  test('the store’s own pass through and are told by what they mean', async () => {
    const store = new HeldStore();
    const { guard, observer } = guardOf(store);
    for (const [code, told] of [
      ['counter_store_unavailable', 'unavailable'],
      ['counter_store_timeout', 'timeout'],
    ] as const) {
      const charge = guard.charge(REQUEST);
      store.calls.at(-1)?.fail(new TallygateError(code, 'as it is'));
      await expect(charge).rejects.toMatchObject({ code, message: 'as it is' });
      expect(observer.storeCalled).toHaveBeenLastCalledWith(told, expect.any(Number));
    }
  });
});

describe('ending a reservation', () => {
  test('waits as a charge does: its own time, then an unknown outcome', async () => {
    const store = new HeldStore();
    const { guard, observer, storeClock } = guardOf(store, 1_000);
    const ended = guard.finish(FINISH);
    store.finishes[0]?.answer(released(70_000));
    expect(await ended).toEqual(released(70_000));
    expect(storeClock.estimateMs()).toBeGreaterThanOrEqual(70_000);
    await expect(guard.finish({ ...FINISH, waitMs: 10 })).rejects.toMatchObject({ code: 'counter_store_timeout' });
    expect(observer.storeCalled.mock.calls.map(([outcome]) => outcome)).toEqual(['answered', 'timeout']);
  });

  test('without time left is not sent', async () => {
    const store = new HeldStore();
    const ended = guardOf(store).guard.finish({ ...FINISH, waitMs: 0 });
    await expect(ended).rejects.toMatchObject({ code: 'counter_store_unavailable' });
    expect(store.finishes).toHaveLength(0);
  });
});

describe('the deadline', () => {
  test('none before the store has told its time, then its time plus what is left to wait, or an earlier one', async () => {
    const store = new HeldStore();
    const { guard } = guardOf(store, 1_000);
    const first = guard.charge(REQUEST);
    expect(store.calls[0]?.request.deadlineMs).toBeUndefined();
    store.calls[0]?.answer(granted(5_000_000));
    await first;
    const deadlineOf = async (request: ChargeRequest) => {
      const charge = guard.charge(request);
      const call = store.calls.at(-1);
      call?.answer(granted(5_000_000));
      await charge;
      return call?.request.deadlineMs ?? 0;
    };
    expect(Math.abs((await deadlineOf({ ...REQUEST, waitMs: 300 })) - 5_000_300)).toBeLessThan(100);
    expect(Math.abs((await deadlineOf(REQUEST)) - 5_001_000)).toBeLessThan(100);
    expect(await deadlineOf({ ...REQUEST, deadlineMs: 4_000 })).toBe(4_000);
  });
});

describe('the store’s clock', () => {
  test('is the process’s until a reply, then the reply’s and what has passed since, also after a step back', () => {
    let [wall, monotonic] = [1_000_000, 50];
    const clockOffset = vi.fn();
    const clock = new StoreClock({ wallMs: () => wall, monotonicMs: () => monotonic }, { clockOffset });
    expect([clock.deadlineMs(7), clock.estimateMs()]).toEqual([undefined, 1_000_000]);
    clock.observe(1_005_000);
    [wall, monotonic] = [9_000_000, 80];
    expect([clock.deadlineMs(7), clock.estimateMs()]).toEqual([1_005_037, 1_005_030]);
    expect(clockOffset).toHaveBeenLastCalledWith(5_000);
    clock.observe(1_000);
    expect(clock.estimateMs()).toBe(1_000);
  });
});
