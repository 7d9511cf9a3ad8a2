// Leases: how large a block may be, and what goes back of it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leasesNeverExceedTheLimit } from '../../../test/quota/leaseLaw.js';
import { slidingOf, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import type { DecidedReply } from './chargeReply.js';
import { blockSize, type Settlement } from './lease.js';

test.each<[number, number[], number]>([
  // wanted, the rest of each limit: the block
  [10, [80], 10],
  [10, [79], 9],
  [10, [1_000, 40], 5],
  [10, [7], 0],
  [10, [0], 0],
  // A limit that was lowered below what was used, or a soft one that is passed.
  [10, [-5], 0],
  [10, [], 10],
  [0, [1_000], 0],
  [Number.MAX_SAFE_INTEGER, [Number.MAX_SAFE_INTEGER], 1_125_899_906_842_623],
])('of %d wanted with %j left a block has %d', (want, rests, size) => {
  expect(blockSize(want, rests)).toBe(size);
});

const NOW = 1_012;
const windows = [windowAt('minute', 1_000, 10, NOW), windowAt('day', 5_000, 1_000, NOW)];

const settlementOf = (reply: DecidedReply, rest: number): Settlement => ({
  ...{ incarnation: reply.incarnation, block: reply.block, rest },
  windows: windows.map(({ field }, index) => ({ field, start: reply.windows[index]?.start ?? 0 })),
});

describe('a block', () => {
  test('is charged and held in every window, after the costs that wait', () => {
    const counters = new TenantCounters();
    const reply = counters.charge({ costs: [200], windows, take: 999 }, NOW);
    expect(reply).toMatchObject({ granted: [true], block: 100, charged: 300 });
    expect(counters.fixed('minute')).toMatchObject({ used: 300, held: 100 });
    expect(counters.fixed('day')).toMatchObject({ used: 300, held: 100 });
  });

  test('is taken also beside a refused cost, and alone', () => {
    const counters = new TenantCounters();
    expect(counters.charge({ costs: [1_001], windows, take: 5 }, NOW)).toMatchObject({ granted: [false], block: 5 });
    expect(counters.charge({ costs: [], windows, take: 5 }, NOW)).toMatchObject({ block: 5, charged: 5 });
  });

  test('shrinks to nothing near the limit, and then every request asks', () => {
    const counters = new TenantCounters();
    const sizes: number[] = [];
    for (let step = 0; step < 60; step += 1) sizes.push(counters.charge({ costs: [], windows, take: 999 }, NOW).block);
    expect(sizes.slice(0, 4)).toEqual([125, 109, 95, 83]);
    expect(sizes.at(-1)).toBe(0);
    expect(counters.fixed('minute')?.used).toBe(993);
    expect(counters.charge({ costs: [7], windows, take: 9 }, NOW)).toMatchObject({ granted: [true], block: 0 });
  });
});

describe('what is left of a block goes back', () => {
  const taken = () => {
    const counters = new TenantCounters();
    return { counters, reply: counters.charge({ costs: [20], windows, take: 40 }, NOW) };
  };

  test('before the costs of the same request are looked at', () => {
    const { counters, reply } = taken();
    expect(reply.block).toBe(40);
    const next = counters.charge({ costs: [970], windows, settle: settlementOf(reply, 30) }, NOW);
    expect(next).toMatchObject({ granted: [true], windows: [{ used: 30, held: 0 }, { used: 30 }] });
  });

  test('without any other request', () => {
    const { counters, reply } = taken();
    counters.charge({ costs: [], windows: [], settle: settlementOf(reply, 25) }, NOW);
    expect(counters.fixed('minute')).toMatchObject({ used: 35, held: 0 });
    expect(counters.fixed('day')).toMatchObject({ used: 35, held: 0 });
  });

  test('to each window for itself: the minute that has ended keeps the month from nothing', () => {
    const { counters, reply } = taken();
    const later = NOW + 10;
    const next = [windowAt('minute', 1_000, 10, later), windowAt('day', 5_000, 1_000, later)];
    counters.charge({ costs: [5], windows: next }, later);
    counters.charge({ costs: [], windows: [], settle: settlementOf(reply, 40) }, later);
    expect(counters.fixed('minute')).toMatchObject({ start: 1_020, used: 5, held: 0 });
    expect(counters.fixed('day')).toMatchObject({ used: 25, held: 0 });
  });

  test('not to counters that began anew since, also in the same windows', () => {
    const { reply } = taken();
    const anew = new TenantCounters();
    anew.charge({ costs: [1], windows }, NOW);
    anew.charge({ costs: [50], windows, take: 3 }, NOW);
    anew.charge({ costs: [], windows: [], settle: settlementOf(reply, 40) }, NOW);
    expect(anew.fixed('day')).toMatchObject({ used: 54, held: 3 });
  });

  test('not to a counter that is gone, nor to a sliding one', () => {
    const { counters, reply } = taken();
    const s = slidingOf('s', 50, 100);
    counters.charge({ costs: [5], windows: [s] }, NOW);
    const settle = {
      ...settlementOf(reply, 5),
      windows: [
        { field: 'gone', start: 1_000 },
        { field: 's', start: 10 },
      ],
    };
    const before = counters.stored;
    counters.charge({ costs: [], windows: [], settle }, NOW);
    expect(counters.stored).toEqual(before);
  });

  test('and never takes a counter below 0', () => {
    const { counters, reply } = taken();
    counters.charge({ costs: [], windows: [], settle: { ...settlementOf(reply, 40), rest: 1_000, block: 900 } }, NOW);
    expect(counters.fixed('day')).toMatchObject({ used: 0, held: 0 });
  });

  test('nor below the floor that came with it: the ledger knows what was spent', () => {
    const { counters, reply } = taken();
    const floors = [undefined, { start: 1_000, used: 55 }];
    const next = counters.charge({ costs: [1], windows, floors, settle: settlementOf(reply, 40) }, NOW);
    expect(next.windows.map((one) => one.used)).toEqual([20, 55]);
  });
});

test('whatever their holders do, also die or come back late, no more than the limit is spent', () => {
  leasesNeverExceedTheLimit(() => new TenantCounters());
});

test('over holders that take, spend, settle and die, what is used is what was spent, what is out, and what burned', () => {
  const step = fc.record({
    holder: fc.nat(3),
    kind: fc.constantFrom('ask', 'ask', 'spend', 'spend', 'spend', 'settle', 'die'),
    units: fc.integer({ min: 1, max: 6 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 120 }), fc.array(step, { maxLength: 120 }), (limit, steps) => {
      const counters = new TenantCounters();
      const day = [windowAt('day', limit, 1_000_000, NOW)];
      const leases = new Map<number, { reply: DecidedReply; rest: number }>();
      const settlement = (holder: number): Settlement | undefined => {
        const lease = leases.get(holder);
        leases.delete(holder);
        if (lease === undefined) return undefined;
        const { incarnation, block } = lease.reply;
        const charged = [{ field: 'day', start: lease.reply.windows[0]?.start ?? 0 }];
        return { incarnation, block, rest: lease.rest, windows: charged };
      };
      let [spent, burned] = [0, 0] as [number, number];
      for (const { holder, kind, units } of steps) {
        const lease = leases.get(holder);
        if (kind === 'spend' && lease !== undefined && units <= lease.rest) {
          lease.rest -= units;
          spent += units;
        } else if (kind === 'die') {
          burned += lease?.rest ?? 0;
          leases.delete(holder);
        } else {
          const settle = settlement(holder);
          const costs = kind === 'ask' ? [units] : [];
          const take = kind === 'ask' ? 8 : undefined;
          const reply = counters.charge({ costs, windows: day, take, settle }, NOW);
          if (reply.granted[0] === true) spent += units;
          if (reply.block > 0) leases.set(holder, { reply, rest: reply.block });
        }
        const out = [...leases.values()].reduce((sum, one) => sum + one.rest, 0);
        expect(spent).toBeLessThanOrEqual(limit);
        expect(counters.fixed('day')?.used ?? 0).toBe(spent + burned + out);
      }
    }),
  );
});
