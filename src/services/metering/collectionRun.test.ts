// What a run makes of what an app tells: the shipped run over a ledger in memory.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ModelBooking, ModelCollections } from '../../../test/metering/modelCollections.js';
import { TallygateError } from '../../core/errors.js';
import { type CollectedPairs, runCollection } from './collectionRun.js';

const HOUR_MS = 3_600_000;
const PERIOD = { everyMs: HOUR_MS, holdMs: HOUR_MS, retryMs: 0 };
const forever = () => new AbortController().signal;

function world() {
  let nowMs = Date.UTC(2026, 10, 24);
  const ledger = new ModelCollections(() => nowMs);
  const saturated: string[] = [];

  /** One run, an hour after the last. A failed one leaves its claim, as a process that dies. */
  async function run(
    collect: () => CollectedPairs | Promise<CollectedPairs>,
    booking = new ModelBooking(ledger),
    signal = forever(),
  ) {
    nowMs += 2 * HOUR_MS;
    const { runNumber, last } = await ledger.state();
    const claimed = await ledger.claim({ ...PERIOD, after: runNumber });
    if (claimed === undefined) throw new TallygateError('not_ready', 'not due');
    const followsFinished = runNumber === (last?.runNumber ?? 0);
    const parts = { collections: ledger, collect, record: booking.record, flush: booking.flush };
    const figures = await runCollection(
      { ...claimed, atMs: claimed.claimedAtMs, followsFinished },
      { ...parts, onSaturated: (what) => saturated.push(what) },
      signal,
    );
    return { ...figures, atMs: claimed.claimedAtMs };
  }

  const levels = () => Object.fromEntries([...ledger.levels].map(([id, { bytes }]) => [id, bytes]));
  return { ledger, run, levels, saturated, pass: (ms: number) => (nowMs += ms) };
}

async function* slowly(pairs: Iterable<unknown>) {
  for (const pair of pairs) yield pair;
}

const SHAPES: readonly (readonly [string, () => CollectedPairs | Promise<CollectedPairs>])[] = [
  [
    'an array',
    () => [
      ['a', 1],
      ['b', '2'],
    ],
  ],
  [
    'a Map',
    () =>
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
  ],
  [
    'a promise of an array',
    async () => [
      ['a', 1n],
      ['b', 2],
    ],
  ],
  [
    'a generator',
    function* () {
      yield ['a', 1];
      yield ['b', 2];
    },
  ],
  [
    'an async generator',
    () =>
      slowly([
        ['a', 1],
        ['b', 2],
      ]),
  ],
];
for (const [name, collect] of SHAPES) {
  test(`${name} becomes levels, of the instant of the claim`, async () => {
    const { run, ledger } = world();
    const { atMs, ...figures } = await run(collect);
    expect(figures).toEqual({ tenants: 2, booked: 2, vanished: 0, withoutTenant: 0, withoutAmount: 0 });
    expect(Object.fromEntries(ledger.levels)).toEqual({ a: { bytes: 1, atMs }, b: { bytes: 2, atMs } });
  });
}

test.each(['null', '"pairs"', '5', '{ "a": 1 }'])(
  '%s is no collection, and it is said what would be one',
  async (given) => {
    const { run, ledger } = world();
    await expect(run(() => JSON.parse(given))).rejects.toThrow(/expected pairs of a tenant and its bytes/);
    expect(ledger.finishedAtMs).toEqual([]);
  },
);

test('a tenant that is gone has 0 from then on, and is told so once', async () => {
  const { run, levels, ledger } = world();
  await run(() => [
    ['kept', 1],
    ['gone', 2],
  ]);
  const { vanished, atMs } = await run(() => [['kept', 1]]);
  expect([vanished, levels(), ledger.levels.get('gone')?.atMs]).toEqual([1, { kept: 1, gone: 0 }, atMs]);
  expect((await run(() => [['kept', 1]])).vanished).toBe(0);
  expect(
    (
      await run(() => [
        ['kept', 1],
        ['gone', 3],
      ])
    ).booked,
  ).toBe(1);
  expect(levels()).toEqual({ kept: 1, gone: 3 });
});

test('levels that others report are left alone', async () => {
  const { run, levels, ledger } = world();
  ledger.levels.set('elsewhere', { bytes: 9, atMs: 0 });
  await run(() => [['own', 1]]);
  await run(() => []);
  expect(levels()).toEqual({ elsewhere: 9, own: 0 });
});

test('a function that fails half-way ends no level', async () => {
  const { run, levels } = world();
  await run(() => [
    ['a', 1],
    ['b', 2],
  ]);
  const failing = run(function* () {
    yield ['a', 5];
    throw new TallygateError('not_ready', 'bucket');
  });
  await expect(failing).rejects.toThrow('bucket');
  expect(levels()).toEqual({ a: 1, b: 2 });
  await run(() => [['a', 5]]);
  expect(levels()).toEqual({ a: 5, b: 0 });
});

test('a pair that cannot be read is counted, and nothing else is lost', async () => {
  const { run, levels, saturated } = world();
  await run(() => [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  const pairs = [['a', -1], ['', 5], ['b', 2n ** 60n], 'c', ['c', 4], ['b\0', 1], ['d', '7']];
  const { withoutAmount, withoutTenant } = await run(() => pairs);
  expect([withoutAmount, withoutTenant, saturated]).toEqual([1, 3, ['storage']]);
  // Whose amount was not said keeps it: that tenant is not gone.
  expect(levels()).toEqual({ a: 1, b: Number.MAX_SAFE_INTEGER, c: 4, d: 7 });
});

test('a level that has not changed is said again once a day', async () => {
  const { run, pass } = world();
  expect((await run(() => [['a', 1]])).booked).toBe(1);
  expect((await run(() => [['a', 1]])).booked).toBe(0);
  pass(24 * HOUR_MS);
  expect((await run(() => [['a', 1]])).booked).toBe(1);
});

test('after a run that did not end well every level is said: what that one booked may still be on its way', async () => {
  const { run, levels, ledger } = world();
  await run(() => [['a', 1]]);
  const dying = new ModelBooking(ledger);
  ledger.before = (call) => {
    if (call === 'flush') throw new TallygateError('ledger_unavailable', 'cut');
  };
  await expect(run(() => [['a', 7]], dying)).rejects.toThrow('cut');
  ledger.before = () => {};
  expect((await run(() => [['a', 1]])).booked).toBe(1);
  await dying.flush();
  expect(levels()).toEqual({ a: 1 });
});

test('of a tenant that is told twice the last amount counts, however far apart', async () => {
  const { run, levels } = world();
  const between = Array.from({ length: 2_500 }, (_, index) => [`t${index}`, 1]);
  await run(() => [['a', 1]]);
  expect((await run(() => [['a', 2], ...between, ['a', 1]])).tenants).toBe(2_501);
  expect(levels().a).toBe(1);
});

test('a hundred thousand tenants wait a page at a time, also when all of them go', async () => {
  const { run, ledger } = world();
  const booking = new ModelBooking(ledger);
  const { booked } = await run(function* () {
    for (let tenant = 0; tenant < 100_000; tenant += 1) yield [`tenant-${tenant}`, tenant];
  }, booking);
  expect(booked).toBe(100_000);
  expect((await run(() => [], booking)).vanished).toBe(100_000);
  expect(booking.mostWaiting).toBe(1_000);
  expect([...ledger.levels.values()].every(({ bytes }) => bytes === 0)).toBe(true);
});

test('a run that has lost its claim books nothing more, and ends no level', async () => {
  const { run, ledger } = world();
  const slow = new ModelBooking(ledger);
  await run(() => [
    ['a', 1],
    ['b', 2],
  ]);
  const late = run(async function* () {
    await run(() => [
      ['a', 3],
      ['b', 4],
    ]);
    yield ['a', 5];
  }, slow);
  await expect(late).rejects.toThrow(/Another process/);
  expect(slow.booked).toBe(0);
});

test('an iterator that does not answer is left at the signal, and told so', async () => {
  const { run } = world();
  const abort = new AbortController();
  let told = false;
  const stuck: AsyncIterable<unknown> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        queueMicrotask(() => abort.abort(new TallygateError('closed', 'enough')));
        return new Promise(() => {});
      },
      return: () => {
        told = true;
        return Promise.reject(new TallygateError('closed', 'nobody hears this'));
      },
    }),
  };
  await expect(run(() => stuck, undefined, abort.signal)).rejects.toThrow('enough');
  expect(told).toBe(true);
});

test('whatever fails on the way, after a run that ends well each tenant has what it was told, or 0', async () => {
  const tenant = fc.constantFrom('a', 'b', 'c', 'd');
  const truth = fc.dictionary(tenant, fc.integer({ min: 0, max: 2 }), { noNullPrototype: true });
  const step = fc.record({
    truth,
    failsAt: fc.option(fc.integer({ min: 0, max: 6 })),
    isLost: fc.boolean(),
    isDelayed: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), truth, async (steps, end) => {
      const { run, levels, ledger } = world();
      const seen = new Set<string>();
      let delayed: ModelBooking[] = [];
      for (const { truth: told, failsAt, isLost, isDelayed } of steps) {
        const booking = new ModelBooking(ledger);
        let calls = 0;
        ledger.before = () => {
          if (failsAt !== null && calls++ > failsAt) throw new TallygateError('ledger_unavailable', 'cut');
        };
        const failure = await run(() => Object.entries(told), booking).catch((error: unknown) => error);
        ledger.before = () => {};
        if (!(failure instanceof TallygateError)) for (const id of Object.keys(told)) seen.add(id);
        // What waited in a process that died is lost with it, found by somebody at once, or only much later.
        if (isLost) continue;
        if (isDelayed) delayed.push(booking);
        else await booking.flush();
      }
      await run(() => Object.entries(end));
      for (const booking of delayed) await booking.flush();
      delayed = [];
      const expected = { ...Object.fromEntries([...ledger.levels.keys()].map((id) => [id, 0])), ...end };
      expect(levels()).toEqual(expected);
      for (const id of seen) expect(ledger.levels.has(id)).toBe(true);
    }),
  );
});
