// Cases of the counter store: blocks that a process takes out of the counters, and what goes back of them.
import assert from 'node:assert/strict';
import { type CounterStoreCase, caseOf, settlementOf, windowFrom } from './counterStoreCase.js';

const SHORT_MS = 100;

export const leaseCases: readonly CounterStoreCase[] = [
  caseOf(
    'a block is an eighth of the smallest rest, charged and held in every window after the costs',
    async (tenant) => {
      const windows = [
        await tenant.present({ field: 'hour', limit: 100 }),
        await tenant.present({ field: 'open', limit: undefined }),
        await tenant.present({ field: 'soft', limit: 200, denies: false }),
      ];
      const reply = await tenant.ask(windows, { costs: [20, 90], take: 1_000 });
      assert.deepEqual([reply.granted, reply.block, reply.charged], [[true, false], 10, 30]);
      assert.deepEqual(await tenant.standing(windows), [
        [30, 10],
        [30, 10],
        [30, 10],
      ]);
      assert.equal((await tenant.ask(windows, { costs: [1], take: 2 })).block, 2);
      await tenant.ask(windows, { costs: [60] });
      assert.equal((await tenant.ask(windows, { costs: [], take: 9 })).block, 0);
    },
  ),

  caseOf('what is left of a block goes back before the costs that come with it', async (tenant) => {
    const windows = [
      await tenant.present({ field: 'hour', limit: 80 }),
      await tenant.present({ field: 'day', limit: 800 }),
    ];
    const taken = await tenant.ask(windows, { costs: [], take: 10 });
    assert.equal(taken.block, 10);
    const next = await tenant.ask(windows, { costs: [77], settle: settlementOf(windows, taken, 7) });
    assert.deepEqual([next.granted, next.windows[0]?.used, next.windows[0]?.held], [[true], 3, 0]);
    assert.deepEqual(await tenant.standing(windows), [
      [80, 0],
      [80, 0],
    ]);
  }),

  caseOf('a block is given back without any other request, and in exchange for the next one', async (tenant) => {
    const windows = [await tenant.present({ limit: 80 })];
    const taken = await tenant.ask(windows, { costs: [1], take: 9 });
    const settle = settlementOf(windows, taken, 4);
    const next = await tenant.ask(windows, { costs: [], take: 6, settle });
    assert.deepEqual(await tenant.standing(windows), [[12, 6]]);
    await tenant.ask([], { costs: [], settle: settlementOf(windows, next, 6) });
    assert.deepEqual(await tenant.standing(windows), [[6, 0]]);
  }),

  caseOf('a refused cost gives a block back all the same', async (tenant) => {
    const windows = [await tenant.present({ limit: 80 })];
    const taken = await tenant.ask(windows, { costs: [70], take: 1 });
    const refused = await tenant.ask(windows, { costs: [50], settle: settlementOf(windows, taken, 1) });
    assert.deepEqual(refused.granted, [false]);
    assert.deepEqual(await tenant.standing(windows), [[70, 0]]);
  }),

  caseOf('each window gets its own part back: one that has ended none, one that runs on all of it', async (tenant) => {
    const short = windowFrom((await tenant.now()) - 10, { field: 'short', limit: 800, lengthMs: SHORT_MS });
    const long = await tenant.present({ field: 'long', limit: 800 });
    const taken = await tenant.ask([short, long], { costs: [5], take: 20 });
    assert.equal(taken.block, 20);
    await tenant.reach(taken.windows[0]?.end ?? 0);
    const next = windowFrom(taken.windows[0]?.end ?? 0, { field: 'short', limit: 800 });
    await tenant.ask([next, long], { costs: [50] });
    await tenant.ask([], { costs: [], settle: settlementOf([short, long], taken, 20) });
    assert.deepEqual(await tenant.standing([next, long]), [
      [50, 0],
      [55, 0],
    ]);
  }),

  caseOf('nothing goes back to counters that began anew: of another incarnation, or after a reset', async (tenant) => {
    const windows = [await tenant.present({ limit: 800 })];
    const taken = await tenant.ask(windows, { costs: [40], take: 20 });
    const other = { ...settlementOf(windows, taken, 20), incarnation: '1' };
    await tenant.ask([], { costs: [], settle: other });
    assert.deepEqual(await tenant.standing(windows), [[60, 20]]);
    await tenant.ask(windows, { costs: [30], resetNumber: 1 });
    const settle = settlementOf(windows, taken, 20);
    await tenant.ask(windows, { costs: [1], resetNumber: 1, settle });
    await tenant.ask([], { costs: [], settle });
    assert.deepEqual(await tenant.standing(windows), [[31, 0]]);
  }),

  caseOf(
    'giving back makes no counter, and takes none below 0 or below the floor that comes with it',
    async (tenant) => {
      const hour = await tenant.present({ field: 'hour', limit: 800 });
      const day = await tenant.present({ field: 'day', limit: 800, fromLedger: true });
      const floors = [undefined, { start: day.starts[1], used: 0 }];
      const taken = await tenant.ask([hour, day], { costs: [5], take: 20, floors });
      const gone = { field: 'gone', start: hour.starts[1] };
      const settle = settlementOf([hour, day], taken, 20);
      const raised = [undefined, { start: day.starts[1], used: 30 }];
      const next = await tenant.ask([hour, day], { costs: [1], floors: raised, settle });
      assert.deepEqual(
        next.windows.map(({ used }) => used),
        [5, 30],
      );
      assert.deepEqual(await tenant.standing([hour, day]), [
        [6, 0],
        [31, 0],
      ]);
      await tenant.ask([], { costs: [], settle: { ...settle, rest: 1_000, windows: [gone, ...settle.windows] } });
      assert.deepEqual(await tenant.standing([hour, day, { ...hour, field: 'gone' }]), [
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
    },
  ),
];
