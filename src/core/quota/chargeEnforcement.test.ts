// Limits that refuse nothing (soft ones, and shadows): they are charged with every request that passes, and by no other.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { slidingOf, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import { ownUnits } from './cost.js';
import { limitStates, overageOf } from './decision.js';
import type { EffectiveLimit } from './limit.js';

const NOW = 1_012;
const hard = windowAt('hard', 10, 1_000, NOW);
const soft = windowAt('soft', 3, 1_000, NOW, { denies: false });
const softSliding = slidingOf('slides', 2, 1_000, false);

test('a limit that refuses nothing is charged beyond its number, up to the limit that refuses', () => {
  const counters = new TenantCounters();
  const windows = [soft, softSliding, hard];
  expect(counters.charge({ costs: [4, 5, 2, 1], windows }, NOW).granted).toEqual([true, true, false, true]);
  expect(counters.charge({ costs: [1], windows }, NOW).granted).toEqual([false]);
  expect(counters.charge({ costs: [0], windows }, NOW).windows.map((one) => one.used)).toEqual([10, 10, 10]);
});

test('a request that a hard limit denies charges no soft one, whatever order they stand in', () => {
  for (const windows of [
    [soft, hard],
    [hard, soft],
  ]) {
    const counters = new TenantCounters();
    counters.charge({ costs: [10], windows }, NOW);
    const before = counters.stored;
    counters.charge({ costs: [1], windows }, NOW);
    expect(counters.stored).toBe(before);
  }
});

test('a soft limit of a calendar window is cold like any other: its figures are shown and billed', () => {
  const month = windowAt('month', 5, 1_000, NOW, { denies: false, fromLedger: true });
  expect(new TenantCounters().try({ windows: [month] }, NOW).outcome).toBe('cold');
});

test('a full soft limit takes no block, so that each unit above it is decided, and counted, by its own request', () => {
  const counters = new TenantCounters();
  const windows = [windowAt('hard', 1_000, 1_000, NOW), soft];
  counters.charge({ costs: [3], windows }, NOW);
  expect(counters.charge({ windows, take: 50 }, NOW)).toMatchObject({ granted: [true], block: 0 });
});

test('the overage of all admitted requests is what stands above the soft limit', () => {
  const limits: EffectiveLimit[] = [
    { name: 'hard', window: 'minute', limit: 40, enforce: 'hard', source: 'plan' },
    { name: 'soft', window: 'minute', limit: 15, enforce: 'soft', source: 'plan' },
  ];
  const windows = [windowAt('hard', 40, 1_000, NOW), windowAt('soft', 15, 1_000, NOW, { denies: false })];
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 20 }), (costs) => {
      const counters = new TenantCounters();
      let overage = 0;
      let admitted = 0;
      for (const cost of costs) {
        const { granted, windows: counted } = counters.charge({ costs: [cost], windows }, NOW);
        if (granted[0] !== true) continue;
        admitted += cost;
        overage += overageOf(limitStates(limits, counted, ownUnits(cost), true), cost);
      }
      expect(overage).toBe(Math.max(0, admitted - 15));
    }),
  );
});
