// Cases of the counter store: resets, and the thresholds that windows tell of.
import assert from 'node:assert/strict';
import { type CounterStoreCase, caseOf } from './counterStoreCase.js';

export const resetCases: readonly CounterStoreCase[] = [
  caseOf('a higher reset number makes every count 0, once, and begins a new incarnation', async (tenant) => {
    const windows = [await tenant.present({ field: 'hour' }), await tenant.present({ field: 'other' })];
    const first = await tenant.ask(windows, { costs: [9], resetNumber: 4 });
    const reset = await tenant.ask(windows, { costs: [2], resetNumber: 5 });
    assert.deepEqual([reset.granted, reset.resetNumber, reset.windows[0]?.used], [[true], 5, 0]);
    assert.notEqual(reset.incarnation, first.incarnation);
    const again = await tenant.ask(windows, { costs: [1], resetNumber: 5 });
    assert.deepEqual([again.windows[0]?.used, again.incarnation], [2, reset.incarnation]);
  }),

  caseOf('a process that does not know the reset yet counts after it, and is told its number', async (tenant) => {
    const hour = await tenant.present({ limit: 10 });
    await tenant.ask([hour], { costs: [9], resetNumber: 4 });
    await tenant.ask([hour], { costs: [2], resetNumber: 5 });
    const behind = await tenant.ask([hour], { costs: [1], resetNumber: 4 });
    assert.deepEqual([behind.granted, behind.resetNumber, behind.windows[0]?.used], [[true], 5, 2]);
  }),

  caseOf(
    'a reset acts on a refused cost too, is shown by a look, and takes counters with it that nobody names',
    async (tenant) => {
      const hour = await tenant.present({ field: 'hour', limit: 3 });
      const other = await tenant.present({ field: 'other' });
      await tenant.ask([hour, other], { costs: [3] });
      const look = await tenant.ask([hour, other], { costs: [0], resetNumber: 1 });
      assert.deepEqual(
        look.windows.map(({ used }) => used),
        [0, 0],
      );
      assert.deepEqual(await tenant.used([hour, other]), [3, 3]);
      assert.deepEqual((await tenant.ask([hour], { costs: [4], resetNumber: 1 })).granted, [false]);
      assert.deepEqual(await tenant.used([hour, other]), [0, 0]);
    },
  ),

  caseOf('floors of a lower reset number are ignored, those of the present one count', async (tenant) => {
    const day = await tenant.present({ field: 'day', fromLedger: true, limit: 100 });
    const floors = (used: number) => [{ start: day.starts[1], used }];
    await tenant.ask([day], { costs: [1], resetNumber: 5, floors: floors(50) });
    await tenant.ask([day], { costs: [1], resetNumber: 6, floors: floors(0) });
    const stale = await tenant.ask([day], { costs: [1], resetNumber: 5, floors: floors(51) });
    assert.equal(stale.windows[0]?.used, 1);
    assert.equal((await tenant.ask([day], { costs: [1], resetNumber: 6, floors: floors(30) })).windows[0]?.used, 30);
    const month = await tenant.present({ field: 'month', fromLedger: true });
    const cold = await tenant.charge(1, [{ ...month, floor: { start: month.starts[1], used: 1 } }], { resetNumber: 5 });
    assert.equal(cold.outcome, 'cold');
  }),

  caseOf('a threshold is told once in a window, the higher one for itself', async (tenant) => {
    const hour = await tenant.present({ limit: 10, tellAt: 8 });
    const levels: unknown[] = [];
    for (const cost of [7, 1, 1, 0, 1, 1]) {
      const reply = await tenant.ask([hour], { costs: [cost] });
      levels.push(reply.crossed.map(({ window, level }) => [window, level]));
    }
    assert.deepEqual(levels, [[], [[0, 80]], [], [], [[0, 100]], []]);
  }),

  caseOf('a raised limit tells of what it reaches, and of nothing twice', async (tenant) => {
    const told = async (cost: number, limit: number) => {
      const hour = await tenant.present({ field: `hour`, limit, tellAt: limit - Math.floor(limit / 5) });
      const reply = await tenant.ask([hour], { costs: [cost] });
      return reply.crossed.map(({ level }) => level);
    };
    assert.deepEqual(await told(100, 100), [100]);
    assert.deepEqual(await told(59, 200), []);
    assert.deepEqual(await told(1, 200), [80]);
    assert.deepEqual(await told(0, 200), []);
    assert.deepEqual(await told(40, 200), [100]);
  }),

  caseOf('requests that come together tell of a threshold once, whichever of them', async (tenant) => {
    const windows = [await tenant.present({ limit: 50, tellAt: 40 })];
    const replies = await Promise.all(Array.from({ length: 60 }, () => tenant.ask(windows, { costs: [1] })));
    const levels = replies.flatMap(({ crossed }) => crossed.map(({ level }) => level));
    // In one step both are reached at once, and the higher one is told.
    assert.ok(['80,100', '100'].includes(levels.sort((a, b) => a - b).join()), levels.join());
    assert.deepEqual(await tenant.used(windows), [50]);
  }),
];
