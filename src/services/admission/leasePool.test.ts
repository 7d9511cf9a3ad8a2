// Leases of a process: admitted without asking anybody, never longer than a second of the store's time, and given back once.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply, DecidedReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { EffectiveLimit, WindowUnit } from '../../core/quota/limit.js';
import { planWindows, type WindowPlan } from '../../core/quota/windows.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { memoryCounterStore } from '../../stores/memory/memoryCounterStore.js';
import { LeasePool, type Spent } from './leasePool.js';

const START = Date.UTC(2026, 10, 24, 12, 0, 10);
const SETTINGS = {};

const limit = (window: WindowUnit, most: number): EffectiveLimit => ({
  ...{ name: window, window, limit: most, enforce: 'hard', source: 'plan' },
});

/** A store with a clock of its own, and the pool of a process with two others. */
class Process {
  readonly time = { store: START, wall: START + 7_000, monotonic: 50 };
  readonly asked: ChargeRequest[] = [];
  readonly told: [string, number][] = [];
  readonly pool: LeasePool;
  readonly store: CounterStore;
  generation = 1;
  failure: TallygateError | undefined;
  /** The store comes to it after the deadline: nothing is charged, and nothing taken back. */
  isLate = false;
  limits: readonly EffectiveLimit[] = [limit('minute', 80_000), limit('day', 800_000)];

  constructor() {
    const memory = memoryCounterStore({ wallMs: () => this.time.store, monotonicMs: () => this.time.store });
    const generationOf = () => this.generation;
    this.store = {
      charge: async (request) => {
        this.asked.push(request);
        if (this.failure !== undefined) throw this.failure;
        return memory.charge(this.isLate ? { ...request, deadlineMs: 0 } : request);
      },
      finish: (request) => memory.finish(request),
      ready: async () => undefined,
      close: async () => undefined,
      get generation() {
        return generationOf();
      },
    };
    const clock = { wallMs: () => this.time.wall, monotonicMs: () => this.time.monotonic };
    this.pool = new LeasePool({
      store: this.store,
      clock,
      observer: { leased: (what, units) => this.told.push([what, units]) },
    });
  }

  /** Lets time pass for everybody, timers included. */
  async pass(ms: number): Promise<void> {
    this.time.store += ms;
    this.time.wall += ms;
    this.time.monotonic += ms;
    await vi.advanceTimersByTimeAsync(ms);
  }

  get plan(): WindowPlan {
    return planWindows(this.limits, UTC_CALENDAR, this.time.store);
  }

  /** One request, as admission makes it; `spent` where the store was not asked. */
  async request(
    cost = 1,
    settings: object = SETTINGS,
    travelMs = 0,
  ): Promise<{ spent: Spent } | { reply: ChargeReply }> {
    const spent = this.pool.spend('t', settings, cost);
    if (spent !== undefined) return { spent };
    const { plan } = this;
    const wish = this.pool.wish('t', cost);
    const sentAt = this.pool.now();
    await this.pass(travelMs);
    const { windows } = plan;
    const floors = windows.map((window) => ('starts' in window ? { start: window.starts[1], used: 0 } : undefined));
    const asked = {
      tenantId: 't',
      costs: [cost],
      windows,
      floors,
      resetNumber: 0,
      take: wish?.take,
      settle: wish?.settle,
    };
    const reply = await this.store.charge(asked);
    if (reply.outcome === 'decided' && wish !== undefined) this.pool.taken('t', settings, plan, sentAt, reply);
    return { reply };
  }

  /** Asks until a block is there: a tenant of 100 requests a second, half a second long. */
  async warm(): Promise<DecidedReply> {
    for (let request = 0; request < 50; request += 1) {
      const { length } = this.told;
      const answer = await this.request();
      const taken = this.told.slice(length).find(([what]) => what === 'taken');
      if ('reply' in answer && answer.reply.outcome === 'decided' && taken !== undefined && taken[1] > 20)
        return answer.reply;
      await this.pass(10);
    }
    throw new Error('expected a block by now');
  }

  /** Used and held of the day. */
  async day(): Promise<[used: number | undefined, held: number | undefined]> {
    const reply = await this.store.charge({ tenantId: 't', costs: [0], windows: this.plan.windows, resetNumber: 0 });
    this.asked.pop();
    const window = reply.outcome === 'decided' ? reply.windows[1] : undefined;
    return [window?.used, window?.held];
  }
}

let it: Process;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  it = new Process();
});
afterEach(() => {
  vi.useRealTimers();
});

const isSpent = async (cost = 1, settings: object = SETTINGS) => it.pool.spend('t', settings, cost) !== undefined;

describe('while a block lasts', () => {
  test('nobody is asked, and each request sees the figures that the store will have', async () => {
    const reply = await it.warm();
    const asked = it.asked.length;
    const before = (reply.windows[1]?.used ?? 0) + reply.charged - reply.block;
    for (let request = 0; request < reply.block; request += 1) {
      const answer = await it.request();
      expect('spent' in answer && answer.spent.windows[1]?.used).toBe(before + request);
    }
    expect(it.asked).toHaveLength(asked);
    expect('reply' in (await it.request())).toBe(true);
    expect((await it.day())[0]).toBe(before + reply.block + 1 + (it.told.at(-1)?.[1] ?? 0));
  });

  test('a cost above its rest goes to the store as a whole', async () => {
    const reply = await it.warm();
    await it.request(reply.block - 3);
    expect(await isSpent(4)).toBe(false);
    await it.request(4);
    expect(it.asked.at(-1)).toMatchObject({ costs: [4], settle: { block: reply.block, rest: 3 } });
  });

  test('another tenant has none of it', async () => {
    await it.warm();
    expect(it.pool.spend('other', SETTINGS, 1)).toBeUndefined();
  });

  test('above 20 requests a second at most one of ten asks the store', async () => {
    for (const perSecond of [21, 100, 1_000]) {
      it = new Process();
      for (let request = 0; request < perSecond; request += 1) {
        await it.request();
        await it.pass(1_000 / perSecond);
      }
      const before = it.asked.length;
      for (let request = 0; request < 4 * perSecond; request += 1) {
        await it.request();
        await it.pass(1_000 / perSecond);
      }
      expect(it.asked.length - before).toBeLessThanOrEqual(0.4 * perSecond);
    }
  });
});

describe('a lease is over', () => {
  test('before a second has passed since it was asked for, the way to the store and back included', async () => {
    const reply = await it.warm();
    it.time.monotonic += 993;
    expect(await isSpent()).toBe(true);
    it.time.monotonic += 2;
    expect(await isSpent()).toBe(false);
    expect(reply.block).toBeGreaterThan(1);
  });

  test.each<[string, Partial<Process['time']>]>([
    ['the process was stopped, and its monotonic clock with it', { wall: 1_000 }],
    ['the wall clock was set back while time went on', { wall: -60_000, monotonic: 1_000 }],
    ['both', { wall: 1_000, monotonic: 1_000 }],
  ])('where %s', async (_, jump) => {
    await it.warm();
    it.time.wall += jump.wall ?? 0;
    it.time.monotonic += jump.monotonic ?? 0;
    expect(await isSpent()).toBe(false);
  });

  test('a wall clock set back alone does not end it, nor make it longer', async () => {
    await it.warm();
    it.time.wall -= 60_000;
    expect(await isSpent()).toBe(true);
    it.time.monotonic += 995;
    expect(await isSpent()).toBe(false);
  });

  test('when the first of its windows ends', async () => {
    await it.pass(49_000 - 1);
    const reply = await it.warm();
    const minuteEnd = reply.windows[0]?.end ?? 0;
    const left = minuteEnd - it.time.store;
    expect(left).toBeLessThan(995);
    it.time.monotonic += left - 7;
    expect(await isSpent()).toBe(true);
    it.time.monotonic += 2;
    expect(await isSpent()).toBe(false);
  });

  test('as soon as other settings hold, and its rest goes back with the next request', async () => {
    const reply = await it.warm();
    expect(await isSpent(1, {})).toBe(false);
    await it.request(1, {});
    expect(it.asked.at(-1)?.settle).toMatchObject({ incarnation: reply.incarnation, rest: reply.block });
  });

  test('however both clocks jump: no unit is spent past a second after the store gave it', () => {
    const step = fc.record({
      ms: fc.integer({ min: 0, max: 300 }),
      // What the process sees of that time: all of it in one clock, anything in the other.
      seen: fc.constantFrom('monotonic', 'wall', 'both'),
      drift: fc.integer({ min: -5_000, max: 300 }),
    });
    return fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), fc.nat(80), async (steps, travelMs) => {
        it = new Process();
        const { plan } = it;
        const sentAt = it.pool.now();
        it.pool.wish('t', 1);
        await it.pass(travelMs);
        const floors = plan.windows.map((one) => ('starts' in one ? { start: one.starts[1], used: 0 } : undefined));
        const asked = { tenantId: 't', costs: [1], windows: plan.windows, floors, resetNumber: 0, take: 50 };
        const reply = await it.store.charge(asked);
        if (reply.outcome !== 'decided') throw new Error(reply.outcome);
        it.pool.taken('t', SETTINGS, plan, sentAt, reply);
        for (const { ms, seen, drift } of steps) {
          it.time.store += ms;
          it.time.monotonic += seen === 'wall' ? Math.max(0, Math.min(ms, drift)) : ms;
          it.time.wall += seen === 'monotonic' ? drift : ms;
          // A clock that went back for good sees less than has passed: then only the other one counts.
          const passed = it.time.store - reply.timeMs;
          const known = Math.max(it.time.monotonic - sentAt.monotonicMs, it.time.wall - sentAt.wallMs);
          if (known < passed) return;
          if (it.pool.spend('t', SETTINGS, 1) !== undefined) expect(passed).toBeLessThan(1_000);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('what is left goes back', () => {
  test('with the next taking, once, each window by its start', async () => {
    const reply = await it.warm();
    await it.request(5);
    // Over, and the timer has not come round yet.
    it.time.monotonic += 996;
    await it.request();
    const settle = it.asked.at(-1)?.settle;
    expect(settle).toEqual({
      ...{ incarnation: reply.incarnation, block: reply.block, rest: reply.block - 5 },
      windows: [
        { field: 'minute', start: reply.windows[0]?.start },
        { field: 'day', start: reply.windows[1]?.start },
      ],
    });
    await it.pass(2_000);
    expect(it.asked.filter((one) => one.settle?.block === reply.block)).toHaveLength(1);
  });

  test('by the timer where nobody asks any more', async () => {
    const reply = await it.warm();
    await it.request(5);
    const [usedBefore] = await it.day();
    await it.pass(1_100);
    expect(it.asked.at(-1)).toMatchObject({ costs: [], windows: [], settle: { rest: reply.block - 5 } });
    expect(await it.day()).toEqual([(usedBefore ?? 0) - (reply.block - 5), 0]);
    const asked = it.asked.length;
    await it.pass(10_000);
    expect(it.asked).toHaveLength(asked);
  });

  test('never after an error of the store since the taking: it may have forgotten it', async () => {
    for (const byTimer of [true, false]) {
      it = new Process();
      const reply = await it.warm();
      it.generation += 1;
      expect(await isSpent()).toBe(false);
      if (byTimer) await it.pass(1_100);
      else await it.request();
      expect(it.asked.some((one) => one.settle?.block === reply.block)).toBe(false);
      expect(it.told).toContainEqual(['burned', reply.block]);
    }
  });

  test('never twice: a return that failed is burned', async () => {
    const reply = await it.warm();
    it.failure = new TallygateError('counter_store_timeout', 'lost');
    await it.pass(1_100);
    it.failure = undefined;
    await it.pass(5_000);
    expect(it.asked.filter((one) => one.settle?.block === reply.block)).toHaveLength(1);
    expect(it.told).toContainEqual(['burned', reply.block]);
  });

  test('and is told once, as what became of it: returned where the store took it back, burned where it did not', async () => {
    const told = () => it.told.filter(([what]) => what !== 'taken');
    for (const [outcome, isLate] of [
      ['returned', false],
      ['burned', true],
    ] as const) {
      it = new Process();
      const reply = await it.warm();
      it.isLate = isLate;
      await it.pass(1_100);
      expect(told().at(-1)).toEqual([outcome, reply.block]);
      it.isLate = false;
      const again = await it.warm();
      await it.pass(900);
      const before = told().length;
      // With the next taking.
      it.pool.wish('t', 500);
      expect(told()).toHaveLength(before);
      if (outcome === 'burned') it.pool.failed('t');
      else it.pool.taken('t', SETTINGS, it.plan, it.pool.now(), { ...again, block: 0 });
      expect(told().slice(before)).toEqual([[outcome, again.block]]);
    }
  });

  test('when the pool closes, which waits for it; afterwards nothing is taken', async () => {
    const reply = await it.warm();
    await it.request(2);
    const [used] = await it.day();
    await it.pool.close();
    expect(await it.day()).toEqual([(used ?? 0) - (reply.block - 2), 0]);
    expect(await isSpent()).toBe(false);
    expect(it.pool.wish('t', 1)).toBeUndefined();
  });

  test('also of a block whose answer came after the closing', async () => {
    await it.warm();
    await it.pass(1_100);
    const wish = it.pool.wish('t', 50);
    const sentAt = it.pool.now();
    const { plan } = it;
    await it.pool.close();
    const asked = { tenantId: 't', costs: [50], windows: plan.windows, resetNumber: 0, take: wish?.take };
    const reply = await it.store.charge(asked);
    if (reply.outcome !== 'decided') throw new Error(reply.outcome);
    expect(reply.block).toBeGreaterThan(0);
    it.pool.taken('t', SETTINGS, plan, sentAt, reply);
    await vi.waitFor(async () => expect((await it.day())[1]).toBe(0));
  });
});

describe('one request of a tenant takes at a time', () => {
  test('others ask for their own cost alone, until that one was decided', async () => {
    await it.warm();
    await it.pass(1_100);
    expect(it.pool.wish('t', 1)).toBeDefined();
    expect(it.pool.wish('t', 1)).toBeUndefined();
    expect(it.pool.wish('other', 1)).toBeDefined();
    it.pool.failed('t');
    expect(it.pool.wish('t', 1)).toBeDefined();
  });

  test('a tenant that asks seldom takes nothing, and has nothing to give back', async () => {
    for (let request = 0; request < 5; request += 1) {
      await it.request();
      await it.pass(2_000);
    }
    expect(it.told).toEqual([]);
    expect(it.asked).toHaveLength(5);
  });
});
