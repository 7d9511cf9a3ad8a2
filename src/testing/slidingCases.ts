// Cases of the counter store: sliding windows, of one second so that their end can be seen.
import assert from 'node:assert/strict';
import { type CounterStoreCase, caseOf, slidingSecond } from './counterStoreCase.js';

export const slidingCases: readonly CounterStoreCase[] = [
  caseOf('a sliding window counts its present segment and the ten before it, and no longer', async (tenant) => {
    const second = slidingSecond(5);
    const burst = await tenant.ask([second], { costs: [5] });
    assert.deepEqual(burst.granted, [true]);
    const charged = Math.floor(burst.timeMs / 100);
    // Ten segments alone would let the burst pass again here, less than a second after the first.
    for (const later of [10, 11]) {
      await tenant.reach((charged + later) * 100);
      const reply = await tenant.ask([second], { costs: [5] });
      const passed = Math.floor(reply.timeMs / 100) - charged;
      assert.deepEqual(reply.granted, [passed > 10], `${passed} segments later`);
      if (passed > 10) return;
    }
  }),

  caseOf(
    'a cost that a sliding window refuses is told its segments, and fits when enough have left',
    async (tenant) => {
      const second = slidingSecond(5);
      const first = await tenant.ask([second], { costs: [2] });
      await tenant.reach(first.timeMs + 250);
      await tenant.ask([second], { costs: [3] });
      const refused = await tenant.ask([second], { costs: [2] });
      assert.deepEqual(refused.granted, [false]);
      const segments = refused.windows[0]?.segments ?? [];
      assert.deepEqual(
        segments.map(({ units }) => units),
        [2, 3],
      );
      const oldest = segments[0]?.index ?? 0;
      assert.equal(oldest, Math.floor(first.timeMs / 100));
      await tenant.reach((oldest + 11) * 100);
      assert.deepEqual((await tenant.ask([second], { costs: [2] })).granted, [true]);
    },
  ),

  caseOf('what a sliding window denies charges no other window, and the other way round', async (tenant) => {
    const second = slidingSecond(2);
    const hour = await tenant.present({ limit: 3 });
    assert.deepEqual((await tenant.ask([second, hour], { costs: [2] })).granted, [true]);
    assert.deepEqual(await tenant.used([second, hour]), [2, 2]);
    assert.deepEqual((await tenant.ask([second, hour], { costs: [1] })).granted, [false]);
    const wide = slidingSecond(100);
    assert.deepEqual((await tenant.ask([wide, hour], { costs: [2] })).granted, [false]);
    assert.deepEqual((await tenant.used([hour]))[0], 2);
  }),

  caseOf('a soft sliding window is charged beyond its limit, and a group is walked through it', async (tenant) => {
    const windows = [slidingSecond(1, false)];
    assert.deepEqual((await tenant.ask(windows, { costs: [2, 3] })).granted, [true, true]);
    const hard = [slidingSecond(7)];
    const reply = await tenant.ask(hard, { costs: [3, 1, 1, 1] });
    assert.deepEqual(reply.granted, [false, true, true, false]);
    assert.equal(
      reply.windows[0]?.segments?.reduce((sum, { units }) => sum + units, 0),
      7,
    );
  }),

  caseOf('a reset empties a sliding window', async (tenant) => {
    const windows = [slidingSecond(5), await tenant.present({ limit: 100 })];
    await tenant.ask(windows, { costs: [5] });
    const reply = await tenant.ask(windows, { costs: [5], resetNumber: 1 });
    assert.deepEqual([reply.granted, reply.windows[0]?.used], [[true], 0]);
  }),

  caseOf('no block is taken where a window slides, however much is left', async (tenant) => {
    const windows = [slidingSecond(5_000), await tenant.present({ limit: 5_000 })];
    const reply = await tenant.ask(windows, { costs: [1], take: 8 });
    assert.deepEqual([reply.granted, reply.block, reply.charged], [[true], 0, 1]);
  }),
];
