// Sliding windows: never more than the limit in any N seconds, and when a cost that did not fit will.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { holdsInAnySecond, shippedSliding } from '../../../test/quota/slidingLaw.js';
import { slidingOf, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import type { ChargeRequest } from './chargeRequest.js';
import { MAX_COUNT } from './limit.js';
import { fitsAt, segmentMsOf } from './slidingWindow.js';

test('no second holds more than the limit, however the requests arrive', () => {
  holdsInAnySecond(shippedSliding);
});

test.each([
  [1, 100],
  [10, 1_000],
  [7, 700],
  [86_400, 8_640_000],
])('a window of %d seconds has segments of %d ms', (seconds, segmentMs) => {
  expect(segmentMsOf(seconds)).toBe(segmentMs);
});

describe('what counts', () => {
  const sliding = slidingOf('s', 10, 100);
  const charge = (counters: TenantCounters, cost: number, timeMs: number, more: Partial<ChargeRequest> = {}) =>
    counters.charge({ costs: [cost], windows: [sliding], ...more }, timeMs);

  test('the present segment and the ten before it, all whole', () => {
    const counters = new TenantCounters();
    charge(counters, 4, 1_099);
    expect(charge(counters, 0, 2_099).windows[0]?.used).toBe(4);
    expect(charge(counters, 0, 2_100).windows[0]?.used).toBe(0);
  });

  test('a refused cost learns when enough has left, and it fits then and not a millisecond sooner', () => {
    const counters = new TenantCounters();
    for (const [cost, timeMs] of [
      [3, 1_000],
      [3, 1_250],
      [4, 1_900],
    ] as const)
      expect(charge(counters, cost, timeMs).granted).toEqual([true]);
    const refused = charge(counters, 5, 1_950);
    expect(refused.granted).toEqual([false]);
    expect(refused.windows[0]).toMatchObject({ start: 900, end: 3_000, used: 10 });
    const segments = refused.windows[0]?.segments ?? [];
    expect(segments).toEqual([
      { index: 10, units: 3 },
      { index: 12, units: 3 },
      { index: 19, units: 4 },
    ]);
    expect([1, 3, 4, 6, 7, 10].map((cost) => fitsAt(cost, 10, segments, 100))).toEqual([
      ...[2_100, 2_100, 2_300, 2_300, 3_000, 3_000],
    ]);
    expect(charge(counters, 5, 2_299).granted).toEqual([false]);
    expect(charge(counters, 5, 2_300).granted).toEqual([true]);
  });

  test('a denial writes nothing, and a grant forgets what has left', () => {
    const counters = new TenantCounters();
    charge(counters, 10, 1_000);
    const before = counters.stored;
    expect(charge(counters, 1, 1_050).granted).toEqual([false]);
    expect(counters.stored).toBe(before);
    charge(counters, 1, 5_000);
    expect(counters.stored.counters.get('s')).toEqual({ segments: [{ index: 50, units: 1 }] });
  });

  test('a clock that goes back a little counts what lies ahead; what lies further ahead than a window is dropped', () => {
    const counters = new TenantCounters();
    charge(counters, 6, 5_000);
    expect(charge(counters, 0, 4_000).windows[0]).toMatchObject({ used: 6, end: 6_100 });
    expect(charge(counters, 2, 4_000).granted).toEqual([true]);
    expect(counters.stored.counters.get('s')).toEqual({
      segments: [
        { index: 40, units: 2 },
        { index: 50, units: 6 },
      ],
    });
    expect(charge(counters, 0, 3_899).windows[0]?.used).toBe(2);
  });

  test('is never cold, and takes no floor', () => {
    const floors = [{ start: 0, used: 9 }];
    expect(charge(new TenantCounters(), 2, 1_000, { floors }).windows[0]?.used).toBe(0);
  });

  test('all or nothing, beside a fixed window', () => {
    const counters = new TenantCounters();
    const both = [sliding, windowAt('minute', 5, 60_000, 1_000)];
    expect(counters.charge({ costs: [5], windows: both }, 1_000).granted).toEqual([true]);
    expect(counters.charge({ costs: [1], windows: both }, 1_000).granted).toEqual([false]);
    expect(counters.charge({ costs: [0], windows: both }, 1_000).windows.map((one) => one.used)).toEqual([5, 5]);
  });

  test('no block is leased where a window slides', () => {
    const counters = new TenantCounters();
    const windows = [slidingOf('s', undefined, 100), windowAt('minute', undefined, 60_000, 1_000)];
    expect(counters.charge({ windows, take: 10 }, 1_000)).toMatchObject({ block: 0, charged: 1 });
  });

  test('stays at 2^53-1, and lets a cost pass exactly up to there', () => {
    const counters = new TenantCounters();
    const full = { windows: [slidingOf('s', MAX_COUNT, 100)] };
    counters.charge({ ...full, costs: [MAX_COUNT - 1] }, 1_000);
    expect(counters.charge({ ...full, costs: [2, 1, 1] }, 1_150).granted).toEqual([false, true, false]);
    counters.charge({ costs: [MAX_COUNT], windows: [slidingOf('s', undefined, 100)] }, 1_200);
    expect(counters.charge({ ...full, costs: [0] }, 1_200).windows[0]?.used).toBe(MAX_COUNT);
  });
});

test('when a cost fits is the first instant at which the rule grants it', () => {
  const arrivals = fc.array(fc.tuple(fc.nat(1_500), fc.integer({ min: 1, max: 5 })), { minLength: 3, maxLength: 20 });
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 10 }), (some, cost) => {
      const counters = new TenantCounters();
      const windows = [slidingOf('s', 10, 100)];
      let now = 10_000;
      for (const [pause, one] of some) {
        now += pause;
        counters.charge({ costs: [one], windows }, now);
      }
      const reply = counters.charge({ costs: [cost], windows }, now);
      if (reply.granted[0] === true) return;
      const at = fitsAt(cost, 10, reply.windows[0]?.segments ?? [], 100);
      expect(at).toBeGreaterThan(now);
      expect(counters.charge({ costs: [cost], windows }, at - 1).granted).toEqual([false]);
      expect(counters.charge({ costs: [cost], windows }, at).granted).toEqual([true]);
    }),
  );
});
