// Resets: a number that only grows. What was counted under a lower one counts no more, and cannot come back.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slidingOf, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';

const NOW = 1_012;
const windows = [windowAt('minute', 10, 10, NOW), windowAt('day', 10, 1_000, NOW), slidingOf('s', 10, 100)];
const look = (counters: TenantCounters, resetNumber: number) =>
  counters.charge({ costs: [0], windows, resetNumber }, NOW).windows.map((one) => one.used);

function usedTen(): TenantCounters {
  const counters = new TenantCounters();
  counters.charge({ costs: [10], windows, resetNumber: 7 }, NOW);
  return counters;
}

describe('a higher number', () => {
  test('makes every count 0 and begins a new incarnation, in the windows that were running', () => {
    const counters = usedTen();
    const before = counters.stored.incarnation;
    const reply = counters.charge({ costs: [4], windows, resetNumber: 8 }, NOW);
    expect(reply).toMatchObject({ granted: [true], resetNumber: 8 });
    expect(reply.windows.map((one) => one.used)).toEqual([0, 0, 0]);
    expect(counters.fixed('day')).toMatchObject({ start: 1_000, end: 2_000, used: 4 });
    expect(counters.stored.incarnation).not.toBe(before);
    expect(look(counters, 8)).toEqual([4, 4, 4]);
  });

  test('takes counters with it that this request does not name', () => {
    const counters = usedTen();
    counters.charge({ costs: [1], windows: windows.slice(0, 1), resetNumber: 8 }, NOW);
    expect([...counters.stored.counters.keys()]).toEqual(['minute']);
  });

  test('acts on a refused cost as well, and then stays', () => {
    const counters = usedTen();
    expect(counters.charge({ costs: [11], windows, resetNumber: 8 }, NOW).granted).toEqual([false]);
    expect(look(counters, 7)).toEqual([0, 0, 0]);
  });

  test('is shown by a look, which changes nothing', () => {
    const counters = usedTen();
    const before = counters.stored;
    expect(look(counters, 8)).toEqual([0, 0, 0]);
    expect(counters.stored).toBe(before);
    expect(look(counters, 7)).toEqual([10, 10, 10]);
  });

  test('carries floors of its own: what was charged since the reset and forgotten comes back', () => {
    const counters = usedTen();
    const floors = [undefined, { start: 1_000, used: 3 }, undefined];
    const reply = counters.charge({ costs: [1], windows, resetNumber: 8, floors }, NOW);
    expect(reply.windows.map((one) => one.used)).toEqual([0, 3, 0]);
  });

  test('needs no ledger where a window was known: the reset is what is known of it', () => {
    const day = windowAt('day', 10, 1_000, NOW, { fromLedger: true });
    const counters = usedTen();
    expect(counters.try({ windows: [day], resetNumber: 8 }, NOW)).toMatchObject({ outcome: 'decided' });
  });
});

describe('the same number or a lower one', () => {
  test.each([7, 6, 0])('%d changes nothing, and the reply tells the one that holds', (resetNumber) => {
    const counters = usedTen();
    const reply = counters.charge({ costs: [1], windows, resetNumber }, NOW);
    expect(reply).toMatchObject({ granted: [false], resetNumber: 7 });
    expect(look(counters, resetNumber)).toEqual([10, 10, 10]);
  });

  test('a floor from before the reset is ignored, or it would bring back what the reset took away', () => {
    const counters = usedTen();
    counters.charge({ costs: [1], windows, resetNumber: 8 }, NOW);
    const floors = windows.map(() => ({ start: 1_000, used: 9 }));
    const reply = counters.charge({ costs: [1], windows, resetNumber: 7, floors }, NOW);
    expect(reply.windows.map((one) => one.used)).toEqual([1, 1, 1]);
    const current = counters.charge({ costs: [1], windows, resetNumber: 8, floors }, NOW);
    expect(current.windows[1]?.used).toBe(9);
  });

  test('an absent window is cold in spite of a floor from before the reset', () => {
    const counters = new TenantCounters();
    counters.charge({ windows: windows.slice(0, 1), resetNumber: 8 }, NOW);
    const day = [windowAt('day', 10, 1_000, NOW, { fromLedger: true })];
    const floors = [{ start: 1_000, used: 9 }];
    expect(counters.try({ windows: day, resetNumber: 7, floors }, NOW)).toMatchObject({
      outcome: 'cold',
      resetNumber: 8,
    });
    expect(counters.try({ windows: day, resetNumber: 8, floors }, NOW)).toMatchObject({ outcome: 'decided' });
  });
});

test('a block taken before a reset is not given back after it, also not together with it', () => {
  const day = [windowAt('day', 100, 1_000, NOW)];
  for (const together of [true, false]) {
    const counters = new TenantCounters();
    const { incarnation, block } = counters.charge({ windows: day, take: 8, resetNumber: 1 }, NOW);
    const settle = { incarnation, block, rest: block, windows: [{ field: 'day', start: 1_000 }] };
    if (!together) counters.charge({ costs: [5], windows: day, resetNumber: 2 }, NOW);
    const used = together ? 5 : 0;
    counters.charge({ costs: [used], windows: day, resetNumber: 2, settle }, NOW);
    expect(counters.fixed('day')).toMatchObject({ used: 5, held: 0 });
  }
});

test('whatever the order of the numbers, what is counted is what was charged since the highest came first', () => {
  const steps = fc.array(fc.record({ resetNumber: fc.nat(4), cost: fc.integer({ min: 1, max: 5 }) }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(steps, (some) => {
      const counters = new TenantCounters();
      const open = [windowAt('day', undefined, 1_000, NOW), slidingOf('s', undefined, 100)];
      let [highest, sum] = [0, 0] as [number, number];
      for (const { resetNumber, cost } of some) {
        if (resetNumber > highest) [highest, sum] = [resetNumber, 0];
        counters.charge({ costs: [cost], windows: open, resetNumber }, NOW);
        sum += cost;
        const reply = counters.charge({ costs: [0], windows: open, resetNumber: 0 }, NOW);
        expect(reply.windows.map((one) => one.used)).toEqual([sum, sum]);
        expect(reply.resetNumber).toBe(highest);
      }
    }),
  );
});
