// Cases of the counter store: several costs in one step, and requests that come together.
import assert from 'node:assert/strict';
import { type CounterStoreCase, caseOf } from './counterStoreCase.js';

export const groupCases: readonly CounterStoreCase[] = [
  caseOf('a cost of a group that does not fit takes nothing from those behind it', async (tenant) => {
    const hour = await tenant.present({ limit: 10 });
    await tenant.decide(6, [hour]);
    const reply = await tenant.ask([hour], { costs: [5, 1, 1] });
    assert.deepEqual(reply.granted, [false, true, true]);
    assert.equal(reply.windows[0]?.used, 6);
    assert.equal(reply.charged, 2);
    assert.deepEqual(await tenant.used([hour]), [8]);
  }),

  caseOf('a group fills each window to its last unit, and charges all of them alike', async (tenant) => {
    const windows = [
      await tenant.present({ field: 'hour', limit: 7 }),
      await tenant.present({ field: 'open', limit: undefined }),
      await tenant.present({ field: 'soft', limit: 2, denies: false }),
    ];
    const reply = await tenant.ask(windows, { costs: [4, 0, 4, 2, 1, 1] });
    assert.deepEqual(reply.granted, [true, true, false, true, true, false]);
    assert.deepEqual(await tenant.used(windows), [7, 7, 7]);
  }),

  caseOf('a floor that comes with a group is there before its first cost', async (tenant) => {
    const day = await tenant.present({ field: 'day', fromLedger: true, limit: 10 });
    const floors = [{ start: day.starts[1], used: 8 }];
    const reply = await tenant.ask([day], { costs: [3, 1, 1, 1], floors });
    assert.deepEqual(reply.granted, [false, true, true, false]);
    assert.equal(reply.windows[0]?.used, 8);
  }),

  caseOf('requests that come together each learn where the windows stood before them', async (tenant) => {
    const windows = [await tenant.present({ limit: 300 })];
    const replies = await Promise.all(Array.from({ length: 200 }, () => tenant.ask(windows, { costs: [2] })));
    const found = replies.filter((reply) => reply.granted[0] === true).map((reply) => reply.windows[0]?.used ?? -1);
    assert.deepEqual(
      found.sort((a, b) => a - b),
      Array.from({ length: 150 }, (_, index) => 2 * index),
    );
    assert.deepEqual(await tenant.used(windows), [300]);
  }),

  caseOf('requests of many tenants that come together are each decided by their own counters', async (tenant) => {
    const windows = [await tenant.present({ limit: 3 })];
    const tenants = Array.from({ length: 40 }, (_, index) => tenant.other(`${tenant.id}-${index}`));
    const replies = await Promise.all(
      tenants.flatMap((one) => [3, 1, 1].map((cost) => one.ask(windows, { costs: [cost] }))),
    );
    const granted = replies.map((reply) => reply.granted[0]);
    assert.deepEqual(
      granted,
      tenants.flatMap(() => [true, false, false]),
    );
  }),
];
