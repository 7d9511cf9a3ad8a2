// Cases of the counter store: what it does not know, and what the ledger tells it.
import assert from 'node:assert/strict';
import { type CounterStoreCase, caseOf, windowFrom } from './counterStoreCase.js';

const SHORT_MS = 100;

export const floorCases: readonly CounterStoreCase[] = [
  caseOf(
    'an absent limited counter that the ledger knows is unknown, not zero, and nothing is written',
    async (tenant) => {
      const minute = await tenant.present({ field: 'minute' });
      const day = await tenant.present({ field: 'day', fromLedger: true });
      assert.equal((await tenant.charge(1, [minute, day])).outcome, 'cold');
      const elsewhere = { ...day, floor: { start: day.starts[0], used: 3 } };
      assert.equal((await tenant.charge(1, [minute, elsewhere])).outcome, 'cold');
      assert.deepEqual(await tenant.used([minute]), [0]);
    },
  ),

  caseOf('a floor seeds the counter and is part of what must fit', async (tenant) => {
    const day = await tenant.present({ field: 'day', fromLedger: true, limit: 10 });
    const seeded = { ...day, floor: { start: day.starts[1], used: 9 } };
    assert.equal((await tenant.decide(1, [seeded])).windows[0]?.used, 10);
    assert.equal((await tenant.decide(1, [day])).outcome, 'denied');
  }),

  caseOf('a floor raises and never lowers, however often it comes', async (tenant) => {
    const day = await tenant.present({ field: 'day', limit: 100 });
    await tenant.decide(20, [day]);
    const floored = (used: number) => ({ ...day, floor: { start: day.starts[1], used } });
    const figures: (number | undefined)[] = [];
    for (const used of [5, 50, 50, 30]) figures.push((await tenant.decide(1, [floored(used)])).windows[0]?.used);
    assert.deepEqual(figures, [21, 51, 52, 53]);
  }),

  caseOf('a denial keeps the floor, so that the next one need not ask the ledger', async (tenant) => {
    const minute = await tenant.present({ field: 'minute', limit: 5, lengthMs: 60_000 });
    const day = await tenant.present({ field: 'day', fromLedger: true, limit: 10 });
    const seeded = { ...day, floor: { start: day.starts[1], used: 10 } };
    assert.equal((await tenant.decide(1, [minute, seeded])).outcome, 'denied');
    const again = await tenant.decide(1, [minute, day]);
    assert.equal(again.outcome, 'denied');
    assert.deepEqual(
      again.windows.map((window) => window.used),
      [0, 10],
    );
  }),

  caseOf(
    'a counter of an earlier window proves continuity: the next one begins at 0 without the ledger',
    async (tenant) => {
      const short = windowFrom((await tenant.now()) - 10, { field: 'day', limit: undefined, lengthMs: SHORT_MS });
      const first = (await tenant.decide(3, [short])).windows[0];
      assert.ok(first !== undefined);
      await tenant.reach(first.end);
      const next = windowFrom(first.end, { field: 'day', fromLedger: true });
      assert.equal((await tenant.decide(1, [next])).windows[0]?.used, 1);
    },
  ),

  caseOf('a provisional seed keeps its mark until the ledger has spoken', async (tenant) => {
    const day = await tenant.present({ field: 'day', fromLedger: true, limit: 100 });
    const start = day.starts[1];
    const blind = { ...day, floor: { start, used: 0, provisional: true as const } };
    const marks: unknown[] = [];
    for (const window of [blind, day, blind, { ...day, floor: { start, used: 40 } }, day, blind]) {
      const counted = (await tenant.decide(1, [window])).windows[0];
      marks.push([counted?.used, counted?.provisional]);
    }
    assert.deepEqual(marks, [
      [1, true],
      [2, true],
      [3, true],
      [41, false],
      [42, false],
      [43, false],
    ]);
  }),

  caseOf('what a process saw itself raises a counter, begins none, and leaves its mark', async (tenant) => {
    const day = await tenant.present({ field: 'day', fromLedger: true, limit: 100 });
    const start = day.starts[1];
    const seen = (used: number) => ({ ...day, floor: { start, used, raisesOnly: true as const } });
    assert.equal((await tenant.charge(1, [seen(30)])).outcome, 'cold');
    const figures: unknown[] = [];
    for (const window of [{ ...day, floor: { start, used: 2, provisional: true as const } }, seen(30), seen(5)]) {
      const counted = (await tenant.decide(1, [window])).windows[0];
      figures.push([counted?.used, counted?.provisional]);
    }
    assert.deepEqual(figures, [
      [3, true],
      [31, true],
      [32, true],
    ]);
  }),

  caseOf(
    'a window limited for the first time counts what those inside it have counted, in any order',
    async (tenant) => {
      const now = await tenant.now();
      const day = windowFrom(now - 5_000, { field: 'day', lengthMs: 10_000, limit: 100 });
      await tenant.decide(30, [day]);
      const week = windowFrom(now - 30_000, { field: 'week', lengthMs: 60_000, limit: 40 });
      const crossing = windowFrom(now - 2_000, { field: 'crossing', lengthMs: 60_000, limit: 40 });
      const reply = await tenant.decide(1, [week, crossing, day]);
      assert.deepEqual(
        reply.windows.map((window) => window.used),
        [31, 1, 31],
      );
      assert.equal((await tenant.decide(10, [week, crossing, day])).outcome, 'denied');
    },
  ),
];
