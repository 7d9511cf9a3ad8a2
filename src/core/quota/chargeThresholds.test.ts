// Thresholds: that a window reached 80 or 100 % of its limit is told once in it, by whichever request was the first.
import { expect, test } from 'vitest';
import { TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import type { FixedWindow } from './chargeRequest.js';

const NOW = 1_012;
const ofLimit = (limit: number, now = NOW): FixedWindow =>
  windowAt('day', limit, 1_000, now, { tellAt: limit - Math.floor(limit / 5), denies: false });

/** The levels that each step told of. */
function told(steps: readonly (readonly [cost: number, limit: number])[], counters = new TenantCounters()) {
  return steps.map(([cost, limit]) =>
    counters.charge({ costs: [cost], windows: [ofLimit(limit)] }, NOW).crossed.map((one) => one.level),
  );
}

test.each<[string, [number, number][], (80 | 100)[][]]>([
  // [cost, limit] of each step, the levels told
  [
    'each once',
    [
      [79, 100],
      [1, 100],
      [1, 100],
      [18, 100],
      [1, 100],
      [5, 100],
    ],
    [[], [80], [], [], [100], []],
  ],
  [
    'only the higher where both are reached at once',
    [
      [100, 100],
      [1, 100],
    ],
    [[100], []],
  ],
  ['of a limit of 1 only the whole', [[1, 1]], [[100]]],
  // 80 % of the raised limit is a new fact; of what was told nothing is told again.
  [
    'a raised limit tells when it is reached',
    [
      [80, 100],
      [20, 200],
      [60, 200],
      [40, 200],
    ],
    [[80], [], [80], [100]],
  ],
  [
    'a limit raised a little does not tell of less than was told',
    [
      [100, 100],
      [1, 120],
      [19, 120],
    ],
    [[100], [], [100]],
  ],
  [
    'a limit that goes up and down again tells nothing twice',
    [
      [100, 100],
      [1, 500],
      [1, 100],
      [1, 500],
    ],
    [[100], [], [], []],
  ],
])('%s', (_, steps, levels) => {
  expect(told(steps)).toEqual(levels);
});

test('a look tells of nothing and keeps nothing from being told', () => {
  const counters = new TenantCounters();
  expect(
    told(
      [
        [0, 100],
        [80, 100],
        [0, 100],
      ],
      counters,
    ),
  ).toEqual([[], [80], []]);
});

test('what goes back and is used again is not told twice', () => {
  const counters = new TenantCounters();
  const reserve = { id: 'r', ttlMs: 60_000 };
  const first = counters.charge({ costs: [90], windows: [ofLimit(100)], reserve }, NOW);
  expect(first.crossed).toEqual([{ window: 0, level: 80 }]);
  counters.finish('r', { kind: 'release' }, NOW);
  expect(
    told(
      [
        [85, 100],
        [15, 100],
      ],
      counters,
    ),
  ).toEqual([[], [100]]);
});

test('the next window tells anew', () => {
  const counters = new TenantCounters();
  told([[100, 100]], counters);
  const later = NOW + 1_000;
  expect(counters.charge({ costs: [80], windows: [ofLimit(100, later)] }, later).crossed).toHaveLength(1);
});

test('a block tells when it is taken: from then on nobody asks the store', () => {
  const counters = new TenantCounters();
  told([[79, 100]], counters);
  const reply = counters.charge({ costs: [], windows: [ofLimit(100)], take: 2 }, NOW);
  expect(reply).toMatchObject({ block: 2, crossed: [{ window: 0, level: 80 }] });
});

test('each window for itself, by its place in the request; without a limit or a threshold nothing is told', () => {
  const counters = new TenantCounters();
  const windows = [
    windowAt('open', undefined, 10, NOW),
    windowAt('quiet', 5, 10, NOW),
    windowAt('minute', 5, 10, NOW, { tellAt: 4 }),
    windowAt('day', 10, 1_000, NOW, { tellAt: 8 }),
  ];
  expect(counters.charge({ costs: [5], windows }, NOW).crossed).toEqual([{ window: 2, level: 100 }]);
});

test('a store that forgot does not tell again what the ledger gives back, but tells what is reached afterwards', () => {
  const counters = new TenantCounters();
  const day = { ...ofLimit(100), fromLedger: true };
  const floors = [{ start: 1_000, used: 85 }];
  expect(counters.charge({ costs: [1], windows: [day], floors }, NOW).crossed).toEqual([]);
  expect(counters.charge({ costs: [14], windows: [day] }, NOW).crossed).toEqual([{ window: 0, level: 100 }]);
});

test('a floor that raises a running window tells of what it reaches, also beside a refused cost', () => {
  const counters = new TenantCounters();
  const day = { ...ofLimit(100), fromLedger: true, denies: true };
  counters.charge({ costs: [1], windows: [day], floors: [{ start: 1_000, used: 1 }] }, NOW);
  const reply = counters.charge({ costs: [50], windows: [day], floors: [{ start: 1_000, used: 90 }] }, NOW);
  expect(reply).toMatchObject({ granted: [false], crossed: [{ window: 0, level: 80 }] });
});

test('a reset lets it be told again', () => {
  const counters = new TenantCounters();
  told([[100, 100]], counters);
  const reply = counters.charge({ costs: [80], windows: [ofLimit(100)], resetNumber: 1 }, NOW);
  expect(reply.crossed).toEqual([{ window: 0, level: 80 }]);
});
