// Costs that come in one request are walked in the order of arrival, as if each had come alone at the same instant.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slidingOf, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import { MAX_COUNT } from './limit.js';

const NOW = 1_012;

test.each<[string, number, number[], boolean[]]>([
  // "cost k, granted up to k" would have given the first four of the five.
  ['a cost that does not fit takes nothing from those behind it', 4, [5, 1, 1], [false, true, true]],
  ['those that fit fill the window to its last unit', 4, [1, 4, 2, 1, 1], [true, false, true, true, false]],
  ['0 passes anywhere in the row', 1, [1, 0, 1, 0], [true, true, false, true]],
  ['nothing passes a limit of 0 but 0', 0, [1, 0, 2], [false, true, false]],
  ['an empty group is decided', 5, [], []],
  ['sums above 2^53 do not round', MAX_COUNT, [MAX_COUNT - 1, 2, 1, 1], [true, false, true, false]],
])('%s', (_, limit, costs, granted) => {
  for (const window of [windowAt('w', limit, 10, NOW), slidingOf('w', limit, 10)]) {
    const counters = new TenantCounters();
    const reply = counters.charge({ costs, windows: [window] }, NOW);
    expect(reply.granted).toEqual(granted);
    const sum = costs.reduce((total, cost, index) => (granted[index] === true ? total + cost : total), 0);
    expect(reply).toMatchObject({ charged: sum, windows: [{ used: 0 }] });
    expect(counters.charge({ costs: [0], windows: [window] }, NOW).windows[0]?.used).toBe(sum);
  }
});

describe('a group', () => {
  const someWindows = fc
    .array(
      fc.record({
        limit: fc.option(fc.nat(30), { nil: undefined }),
        denies: fc.boolean(),
        slides: fc.boolean(),
        tellAt: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
        size: fc.constantFrom(10, 70, 1_000),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((some) =>
      some.map(({ slides, limit, denies, size, tellAt }, index) =>
        slides
          ? slidingOf(`w${index}`, limit, size, denies)
          : windowAt(`w${index}`, limit, size, NOW, { denies, tellAt: limit === undefined ? undefined : tellAt }),
      ),
    );
  const someCosts = fc.array(fc.nat(9), { minLength: 1, maxLength: 12 });

  test('grants, leaves and tells of what its costs would one by one', () => {
    fc.assert(
      fc.property(someWindows, someCosts, someCosts, (windows, before, costs) => {
        const [together, alone] = [new TenantCounters(), new TenantCounters()];
        for (const counters of [together, alone]) counters.charge({ costs: before, windows }, NOW);
        const reply = together.charge({ costs, windows }, NOW);
        const replies = costs.map((cost) => alone.charge({ costs: [cost], windows }, NOW));
        expect(reply.granted).toEqual(replies.flatMap((one) => one.granted));
        expect(reply.windows.map(({ used }) => used)).toEqual(replies[0]?.windows.map(({ used }) => used));
        expect(together.stored.counters).toEqual(alone.stored.counters);
        // Together only the highest threshold is told of.
        const highest = new Map<number, number>();
        for (const { window, level } of replies.flatMap((one) => one.crossed)) highest.set(window, level);
        expect(new Map(reply.crossed.map(({ window, level }) => [window, level]))).toEqual(highest);
      }),
      { numRuns: 500 },
    );
  });
});
