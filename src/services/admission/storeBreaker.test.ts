import { beforeEach, describe, expect, test, vi } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { FinishReply } from '../../core/quota/reservation.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { StoreBreaker } from './storeBreaker.js';

const REQUEST: ChargeRequest = { tenantId: 't', costs: [1], windows: [], resetNumber: 0 };
const REPLY: ChargeReply = { outcome: 'clock', timeMs: 1, resetNumber: 0 };
const FINISHED: FinishReply = { outcome: 'released', timeMs: 1, resetNumber: 0, estimate: 1 };

let calls: number;
let generation: number;
let failure:
  | { code: 'counter_store_unavailable' | 'counter_store_timeout' | 'closed'; forgets: boolean; cause?: Error }
  | undefined;
let now: number;
let told: [string, unknown][];
let breaker: StoreBreaker;

async function answer<T>(reply: T): Promise<T> {
  calls += 1;
  if (failure === undefined) return reply;
  // An error of the connection is a step of the generation; a refused key is none.
  if (failure.forgets) generation += 1;
  throw new TallygateError(failure.code, 'as it is', { cause: failure.cause });
}

beforeEach(() => {
  [calls, generation, failure, now, told] = [0, 0, undefined, 10_000, []];
  const store: CounterStore = {
    charge: () => answer(REPLY),
    finish: () => answer(FINISHED),
    ready: async () => undefined,
    close: async () => undefined,
    get generation() {
      return generation;
    },
  };
  const observer = {
    storeDown: (reason: string) => void told.push(['down', reason]),
    storeUp: (downMs: number) => void told.push(['up', downMs]),
  };
  breaker = new StoreBreaker({ store, clock: { monotonicMs: () => now }, observer });
});

/** Charges, and tells the code of the error, or nothing. */
const attempt = async (): Promise<string> => {
  try {
    await breaker.charge(REQUEST);
    return 'answered';
  } catch (error) {
    return error instanceof TallygateError ? error.code : 'other';
  }
};
const attempts = async (count: number): Promise<void> => {
  for (let index = 0; index < count; index += 1) await attempt();
};
const AWAY = { code: 'counter_store_unavailable', forgets: true } as const;

describe('while the store answers', () => {
  test('every call reaches it, and an error of it passes through as it is', async () => {
    expect(await breaker.charge(REQUEST)).toBe(REPLY);
    expect(await breaker.finish({ tenantId: 't', id: 'r', action: { kind: 'release' } })).toBe(FINISHED);
    failure = AWAY;
    await expect(breaker.charge(REQUEST)).rejects.toMatchObject({ message: 'as it is' });
    expect(calls).toBe(3);
  });

  test('a value of the inner store stays a value, and what it throws is thrown', () => {
    const error = new TallygateError('counter_store_unavailable', 'full');
    const store = { charge: vi.fn().mockReturnValueOnce(REPLY).mockThrow(error), generation: 0 };
    const inner = { ...store, finish: () => FINISHED, ready: async () => undefined, close: async () => undefined };
    const sync = new StoreBreaker({
      store: inner,
      clock: { monotonicMs: () => now },
      observer: { storeDown: () => undefined, storeUp: () => undefined },
    });
    expect(sync.charge(REQUEST)).toBe(REPLY);
    expect(() => sync.charge(REQUEST)).toThrow(error);
  });

  test('four failures, however often, do not open it: an answer in between begins the row anew', async () => {
    for (let round = 0; round < 5; round += 1) {
      failure = AWAY;
      await attempts(4);
      failure = undefined;
      expect(await attempt()).toBe('answered');
    }
    expect(calls).toBe(25);
    expect(told).toEqual([]);
  });

  test('a store that refuses one tenant’s key answers: the others are not refused for it', async () => {
    failure = { code: 'counter_store_unavailable', forgets: false };
    await attempts(50);
    expect(calls).toBe(50);
    expect(told).toEqual([]);
  });

  test('a fault of the program opens nothing', async () => {
    failure = { code: 'closed', forgets: true };
    await attempts(50);
    expect(calls).toBe(50);
  });
});

describe('after five failures in a row', () => {
  for (const code of ['counter_store_unavailable', 'counter_store_timeout'] as const) {
    test(`${code}: nobody waits any more, certain that nothing was charged, and it is told once`, async () => {
      failure = { code, forgets: true };
      await attempts(5);
      expect(told).toEqual([['down', 'as it is']]);
      expect(await attempt()).toBe('counter_store_unavailable');
      await attempts(100);
      expect(calls).toBe(5);
      await expect(breaker.finish({ tenantId: 't', id: 'r', action: { kind: 'release' } })).rejects.toMatchObject({
        code: 'counter_store_unavailable',
      });
      expect(calls).toBe(5);
      expect(told).toHaveLength(1);
    });
  }

  test('one call a second finds out, and only one, however many come', async () => {
    failure = AWAY;
    await attempts(5);
    for (let second = 1; second <= 10; second += 1) {
      now += 999;
      await attempts(20);
      expect(calls).toBe(5 + second - 1);
      now += 1;
      await Promise.all(Array.from({ length: 20 }, attempt));
      expect(calls).toBe(5 + second);
    }
    expect(told).toHaveLength(1);
  });

  test('it says whether a call now would be refused, but for the one that is due', async () => {
    failure = AWAY;
    await attempts(4);
    expect(breaker.isRefusing).toBe(false);
    await attempts(1);
    expect(breaker.isRefusing).toBe(true);
    now += 999;
    expect(breaker.isRefusing).toBe(true);
    now += 1;
    expect(breaker.isRefusing).toBe(false);
    await attempts(1);
    expect(breaker.isRefusing).toBe(true);
    now += 1_000;
    failure = undefined;
    await attempts(1);
    expect(breaker.isRefusing).toBe(false);
  });

  test('the first answer ends it for all, and that is told once with its length', async () => {
    failure = AWAY;
    await attempts(5);
    now += 3_500;
    failure = undefined;
    expect(await attempt()).toBe('answered');
    await attempts(10);
    expect(calls).toBe(16);
    expect(told).toEqual([
      ['down', 'as it is'],
      ['up', 3_500],
    ]);
  });

  test('a probe that one bad key refuses is an answer, one that was never sent is none', async () => {
    failure = AWAY;
    await attempts(5);
    failure = { code: 'counter_store_unavailable', forgets: false };
    now += 1_000;
    await attempt();
    expect(told.map(([what]) => what)).toEqual(['down']);
    failure = { code: 'counter_store_unavailable', forgets: false, cause: new Error('BADCOUNTER') };
    now += 1_000;
    await attempt();
    expect(told.map(([what]) => what)).toEqual(['down', 'up']);
  });

  test('the next outage needs five failures again, and is told again', async () => {
    failure = AWAY;
    await attempts(5);
    now += 1_000;
    failure = undefined;
    await attempt();
    failure = AWAY;
    await attempts(4);
    expect(told).toHaveLength(2);
    await attempt();
    expect(told.map(([what]) => what)).toEqual(['down', 'up', 'down']);
  });

  test('calls that were under way when it opened are told as they end, and open nothing twice', async () => {
    failure = AWAY;
    const outcomes = await Promise.all(Array.from({ length: 12 }, attempt));
    expect(new Set(outcomes)).toEqual(new Set(['counter_store_unavailable']));
    expect(calls).toBe(12);
    expect(told).toHaveLength(1);
  });
});
