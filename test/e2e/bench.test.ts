// The bench runs, prints a row for everything that it compares, and counts right. What it measures is no test's matter.
import { afterEach, describe, expect, it } from 'vitest';
import { cpuAbove, figuresText, type MeasuredCell, median, type Sample } from '../../bench/figures.js';
import { readOptions } from '../../bench/options.js';
import { readNumbers } from '../../bench/partOptions.js';
import { percentile } from '../../bench/percentile.js';
import { assertByIndex } from '../../bench/plans.js';
import { FRAMEWORKS, ROW_TITLE, ROWS } from '../../bench/rows.js';
import { TENANT_COUNT, TRAFFICS, tenantIds, tenantOrder } from '../../bench/traffic.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';

const started: StartedProcess[] = [];

afterEach(async () => {
  for (const one of started.splice(0)) await one.end();
});

const CELLS = TRAFFICS.flatMap((traffic) =>
  FRAMEWORKS.flatMap((framework) => ROWS.map((row) => ({ traffic, framework, row }))),
);

it('measures every row on both frameworks and under both kinds of traffic, and the ledger has every request', async () => {
  const bench = await startProcess(process.execPath, ['scripts/bench.mjs', '--quick', '--json']);
  started.push(bench);
  const { code } = await bench.exit;
  expect(code, bench.stderr()).toBe(0);
  const findings = JSON.parse(bench.stdout());
  expect(findings.cells).toEqual(
    CELLS.map((cell) => ({ ...cell, samples: [expect.objectContaining({ requests: expect.any(Number) })] })),
  );
  for (const { samples } of findings.cells as MeasuredCell[]) {
    expect(samples[0]?.requests).toBeGreaterThan(0);
    expect(samples[0]?.cpuUsPerRequest).toBeGreaterThan(0);
  }
  expect(findings.meteredRequests).toBeGreaterThan(0);
  expect(findings.ledgerCalls).toBe(findings.meteredRequests);
  // The goal of a tenant with a UUID and four fixed limits.
  expect(findings.redisBytesPerTenant).toBeGreaterThan(100);
  expect(findings.redisBytesPerTenant).toBeLessThan(350);
}, 240_000);

it.each([['--quick', '--rounds', '0'], ['--rounds'], ['--fast']])('refuses %s %s %s', (...args) => {
  expect(() => readOptions(args)).toThrow(/expected/);
});

it('measures a part by its name, with a figure in each cell', async () => {
  const bench = await startProcess(process.execPath, ['scripts/bench.mjs', 'journal', '--quick']);
  started.push(bench);
  const { code } = await bench.exit;
  expect(code, bench.stderr()).toBe(0);
  const lines = bench.stdout().match(/^(?:1|16|128) requests? a turn .*$/gm) ?? [];
  expect(lines).toHaveLength(6);
  for (const line of lines) expect(line).toMatch(/(?:without|all the time)(?: +\d+\.\d){4}(?: +\d+){1,2}$/);
}, 120_000);

describe('options of a part', () => {
  const options = { rows: { full: 100, quick: 10 }, warm: { full: 5, quick: 2 } };

  it.each([
    [[], { rows: 100, warm: 5 }],
    [['--quick'], { rows: 10, warm: 2 }],
    [['--warm', '7', '--quick'], { rows: 10, warm: 7 }],
  ])('%j are %j', (args, values) => {
    expect(readNumbers(args, options)).toEqual(values);
  });

  it.each([[['--rows', '0']], [['--rows']], [['--cold', '1']], [['1']]])('%j are refused', (args) => {
    expect(() => readNumbers(args, options)).toThrow(/expected/);
  });
});

describe('plans', () => {
  const ways = [
    { table: 'usage', how: 'Index Scan by usage_pkey' },
    { table: 'users', how: 'Bitmap Index Scan by users_pkey' },
    { table: 'points', how: 'Seq Scan' },
    { table: 'usage', how: 'Index Only Scan by usage_pkey' },
  ];

  it('by an index are taken', () => {
    expect(() => assertByIndex(ways, ['usage', 'users'])).not.toThrow();
  });

  it.each(['points', 'unread'])('that read %s as a whole, or not at all, are refused', (table) => {
    expect(() => assertByIndex(ways, ['usage', table])).toThrow(table);
  });
});

it.each([
  [[7], 99, 7],
  [[4, 1, 3, 2], 50, 2],
  [Array.from({ length: 200 }, (_, index) => 200 - index), 99, 198],
])('of %j the %dth percentile is %d', (values, percent, value) => {
  expect(percentile(values, percent)).toBe(value);
});

describe('traffic', () => {
  it('by Zipf falls with the rank, and every run sends the same', () => {
    const order = tenantOrder('zipf');
    const counts = Array.from({ length: TENANT_COUNT }, () => 0);
    for (const rank of order) counts[rank] = (counts[rank] ?? 0) + 1;
    const harmonic = counts.reduce((sum, _, rank) => sum + 1 / (rank + 1), 0);
    for (const rank of [0, 1, 2, 9]) {
      const share = (counts[rank] ?? 0) / order.length;
      expect(share).toBeGreaterThan((0.9 / harmonic) * (1 / (rank + 1)));
      expect(share).toBeLessThan((1.1 / harmonic) * (1 / (rank + 1)));
    }
    expect(tenantOrder('zipf')).toEqual(order);
  });

  it('of the hot tenant is one tenant alone', () => {
    expect(new Set(tenantOrder('hot'))).toEqual(new Set([0]));
  });

  it('has tenants with ids of their own, as long as those of a database', () => {
    const ids = tenantIds(TENANT_COUNT);
    expect(new Set(ids).size).toBe(TENANT_COUNT);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('figures', () => {
  const sample = (cpuUsPerRequest: number, requestsPerSecond = 1): Sample => ({
    ...{ requests: 1, others: 0, requestsPerSecond, cpuUsPerRequest },
    ...{ p50Ms: 1, p99Ms: 2, redisCallsPerRequest: 3 },
  });
  const cell = (row: (typeof ROWS)[number], samples: readonly Sample[]): MeasuredCell => ({
    ...{ traffic: 'hot', framework: 'http', row, samples },
  });

  it.each([
    [[3], 3],
    [[1, 9, 2], 2],
    [[4, 1, 3, 2], 2.5],
  ])('the median of %j is %d', (values, middle) => {
    expect(median(values)).toBe(middle);
  });

  it('what a row adds is taken round by round, so that a slow round of both adds nothing', () => {
    const bare = cell('none', [sample(10), sample(100), sample(50)]);
    expect(cpuAbove(bare, cell('turn', [sample(15), sample(105), sample(60)]))).toBe(5);
  });

  it('are printed as median with lowest and highest, a line for each row', () => {
    const text = figuresText([
      cell('none', [sample(10, 100), sample(12, 300), sample(11, 200)]),
      cell('turn', [sample(20), sample(22), sample(21)]),
    ]);
    expect(text).toMatch(/One hot tenant, node:http/);
    expect(text).toMatch(new RegExp(`${ROW_TITLE.none} +200 +100..300 +11.0 +10.0..12.0 +1.00`));
    expect(text).toMatch(new RegExp(`${ROW_TITLE.turn} +1 +1..1 +21.0 +20.0..22.0 +10.0 +1.00`));
  });
});
