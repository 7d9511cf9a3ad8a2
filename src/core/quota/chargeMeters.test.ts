// Requests with a cost in several meters: held to the rule said the long way, request by request and window by window.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slidingOf, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import { NO_METER_COSTS } from './cost.js';

const NOW = 1_012;
const METERS = ['tokens', 'rows'];
const own = windowAt('own', 10, 1_000, NOW);
const tokens = { ...windowAt('tokens', 100, 1_000, NOW), meter: 1 };
const rows = { ...windowAt('rows', 50, 10_000, NOW), meter: 2 };
const burst = { ...slidingOf('burst', 60, 1_000), meter: 1 };

const usedOf = (counters: TenantCounters) =>
  counters
    .charge({ costs: [0, 0, 0], meters: METERS, windows: [own, tokens, rows, burst] }, NOW)
    .windows.map(({ used }) => used);

test('a request is charged in each of its meters, or in none', () => {
  const counters = new TenantCounters();
  const windows = [own, tokens, rows];
  const { granted } = counters.charge({ costs: [1, 60, 5, 1, 41, 1, 1, 40, 0], meters: METERS, windows }, NOW);
  expect(granted).toEqual([true, false, true]);
  expect(usedOf(counters)).toEqual([2, 100, 5, 0]);
});

test('whatever is asked, each meter holds the sum of the requests that fitted whole', () => {
  const row = fc.tuple(fc.nat(3), fc.nat(30), fc.nat(12));
  fc.assert(
    fc.property(fc.array(fc.array(row, { minLength: 1, maxLength: 5 }), { maxLength: 8 }), (groups) => {
      const counters = new TenantCounters();
      const sums = [0, 0, 0];
      for (const group of groups) {
        const { granted } = counters.charge(
          { costs: group.flat(), meters: METERS, windows: [own, tokens, rows, burst] },
          NOW,
        );
        const expected = group.map((costs) => {
          const after = costs.map((cost, meter) => cost + (sums[meter] ?? 0));
          const limits = [10, 60, 50];
          const fits = costs.every((cost, meter) => cost === 0 || (after[meter] ?? 0) <= (limits[meter] ?? 0));
          if (fits) for (const [meter, sum] of after.entries()) sums[meter] = sum;
          return fits;
        });
        expect(granted).toEqual(expected);
        expect(usedOf(counters)).toEqual([sums[0], sums[1], sums[2], sums[1]]);
      }
    }),
  );
});

test('a block is of own units, whatever is left of the other meters', () => {
  const counters = new TenantCounters();
  const wide = windowAt('own', 800, 1_000, NOW);
  counters.charge({ costs: [0, 100, 0], meters: METERS, windows: [wide, tokens, rows] }, NOW);
  const { block } = counters.charge({ costs: [1, 0, 0], meters: METERS, windows: [wide, tokens, rows], take: 10 }, NOW);
  expect(block).toBe(10);
  expect(usedOf(counters)).toEqual([11, 100, 0, 0]);
});

test('a window that is new counts what is inside it of its own meter, and of no other', () => {
  const counters = new TenantCounters();
  counters.charge({ costs: [4, 30, 0], meters: METERS, windows: [own, tokens] }, NOW);
  const longer = { ...windowAt('month', 1_000, 10_000, NOW), meter: 1 };
  const { windows } = counters.charge({ costs: [0, 0, 0], meters: METERS, windows: [own, tokens, longer] }, NOW);
  expect(windows.map(({ used }) => used)).toEqual([4, 30, 30]);
});

describe('a reservation by meter', () => {
  const windows = [own, tokens, rows, burst];
  const reserved = (costs: readonly number[]) => {
    const counters = new TenantCounters();
    counters.charge({ costs: [1, 1, 1], meters: METERS, windows }, NOW);
    counters.charge({ costs, meters: METERS, windows, reserve: { id: 'r', ttlMs: 60_000 } }, NOW);
    return counters;
  };

  test('is corrected in each meter, also in one that was not estimated', () => {
    const counters = reserved([1, 40, 0]);
    expect(usedOf(counters)).toEqual([2, 41, 1, 41]);
    const meterActuals = [
      { meter: 'rows', units: 7 },
      { meter: 'tokens', units: 12 },
    ];
    const commit = { kind: 'commit', actual: 1, meterActuals } as const;
    expect(counters.finish('r', commit, NOW)).toMatchObject({
      ...{ outcome: 'committed', estimate: 1, meterEstimates: [{ meter: 'tokens', units: 40 }] },
    });
    expect(usedOf(counters)).toEqual([2, 13, 8, 13]);
    // The same amounts in another order are the same.
    expect(counters.finish('r', { ...commit, meterActuals: meterActuals.toReversed() }, NOW).outcome).toBe('committed');
    expect(counters.finish('r', { ...commit, meterActuals: NO_METER_COSTS }, NOW).outcome).toBe('other_amount');
    expect(usedOf(counters)).toEqual([2, 13, 8, 13]);
  });

  test('of a meter alone is found again, and a release takes all of it back', () => {
    const counters = reserved([0, 40, 0]);
    expect(counters.finish('r', { kind: 'release' }, NOW).outcome).toBe('released');
    expect(usedOf(counters)).toEqual([1, 1, 1, 1]);
  });
});
