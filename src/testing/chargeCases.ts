// Cases of the counter store: what fits and what is charged.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { MAX_COUNT } from '../core/quota/limit.js';
import { type CounterStoreCase, caseOf } from './counterStoreCase.js';

/** Different ids, all valid, of which a careless key makes one. */
const LOOKALIKE_IDS = (salt: string): string[] => [
  ...[`${salt}a:b`, `${salt}a`, `:b${salt}`, `${salt}`, `{${salt}}`, `{${salt}`, `${salt}}`, `{x}${salt}`, `{}${salt}`],
  ...[
    `*${salt}`,
    `?${salt}`,
    `${salt}%3A`,
    `${salt}:`,
    `${salt}:q`,
    `${salt} `,
    `${salt}\r\n`,
    `${salt.toUpperCase()}`,
  ],
  ...[`😀${salt}`, `é${salt}`, `e\u0301${salt}`, '字'.repeat(220) + salt, `字${salt}`],
];

/** Ids that mean something to a JavaScript object. Few stores are empty of them, so only their difference is looked at. */
const OBJECT_KEYS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

export const chargeCases: readonly CounterStoreCase[] = [
  caseOf('grants up to the limit, then denies, with true figures', async (tenant) => {
    const hour = await tenant.present({ limit: 3 });
    for (const used of [1, 2, 3]) {
      const reply = await tenant.decide(1, [hour]);
      assert.equal(reply.outcome, 'granted');
      assert.deepEqual(reply.windows, [
        { start: hour.starts[1], end: hour.starts[2], used, sent: 1, provisional: false },
      ]);
    }
    const denied = await tenant.decide(1, [hour]);
    assert.equal(denied.outcome, 'denied');
    assert.equal(denied.windows[0]?.used, 3);
  }),

  caseOf('a denied request charges no window', async (tenant) => {
    const minute = await tenant.present({ field: 'minute', limit: 2 });
    const day = await tenant.present({ field: 'day', limit: 100, lengthMs: 86_400_000 });
    await tenant.decide(2, [minute, day]);
    assert.equal((await tenant.decide(1, [minute, day])).outcome, 'denied');
    assert.equal((await tenant.decide(1, [day, minute])).outcome, 'denied');
    assert.deepEqual(await tenant.used([minute, day]), [2, 2]);
  }),

  caseOf('a cost fits whole or not at all, and a denial is free', async (tenant) => {
    const hour = await tenant.present({ limit: 10 });
    const outcomes: string[] = [];
    for (const cost of [100, 1, 6, 5, 1, 1, 1, 1]) outcomes.push((await tenant.decide(cost, [hour])).outcome);
    assert.deepEqual(outcomes, [
      ...['denied', 'granted', 'granted', 'denied'],
      ...['granted', 'granted', 'granted', 'denied'],
    ]);
    assert.deepEqual(await tenant.used([hour]), [10]);
  }),

  caseOf('cost 0 passes where nothing else does, with true figures, and creates nothing', async (tenant) => {
    const hour = await tenant.present({ limit: 1 });
    await tenant.decide(1, [hour]);
    const look = await tenant.decide(0, [{ ...hour, limit: 0 }]);
    assert.equal(look.outcome, 'granted');
    assert.equal(look.windows[0]?.used, 1);
    const month = await tenant.present({ field: 'month', fromLedger: true });
    const floor = { start: month.starts[1], used: 4 };
    assert.equal((await tenant.decide(0, [{ ...month, floor }])).windows[0]?.used, 4);
    assert.equal((await tenant.charge(0, [month])).outcome, 'cold');
  }),

  caseOf('a limit of 0 denies every cost above 0', async (tenant) => {
    const hour = await tenant.present({ limit: 0 });
    assert.equal((await tenant.decide(1, [hour])).outcome, 'denied');
    assert.deepEqual(await tenant.used([hour]), [0]);
  }),

  caseOf(
    'a window without a limit counts and never denies, so that a limit set later finds what was used',
    async (tenant) => {
      const day = await tenant.present({ field: 'day', limit: undefined, fromLedger: true });
      await tenant.decide(1_000_000, [day]);
      const limited = await tenant.decide(1, [{ ...day, limit: 1_000_000 }]);
      assert.equal(limited.outcome, 'denied');
      assert.equal(limited.windows[0]?.used, 1_000_000);
    },
  ),

  caseOf('a lowered limit denies at once, a raised one grants at once', async (tenant) => {
    const hour = await tenant.present({ limit: 10 });
    await tenant.decide(8, [hour]);
    assert.equal((await tenant.decide(1, [{ ...hour, limit: 5 }])).outcome, 'denied');
    assert.equal((await tenant.decide(4, [{ ...hour, limit: 12 }])).outcome, 'granted');
  }),

  caseOf('a limit that was left out for a while still knows its count', async (tenant) => {
    const minute = await tenant.present({ field: 'minute' });
    const hour = await tenant.present({ field: 'hour' });
    await tenant.decide(2, [minute, hour]);
    await tenant.decide(3, [minute]);
    assert.deepEqual(await tenant.used([minute, hour]), [5, 2]);
  }),

  caseOf('a count stays at 2^53-1, and is exact up to there', async (tenant) => {
    const open = await tenant.present({ field: 'open', limit: undefined });
    const full = await tenant.present({ field: 'full', limit: MAX_COUNT });
    assert.deepEqual(
      (await tenant.decide(MAX_COUNT - 1, [open, full])).windows.map((one) => one.used),
      [MAX_COUNT - 1, MAX_COUNT - 1],
    );
    assert.equal((await tenant.decide(2, [open, full])).outcome, 'denied');
    assert.equal((await tenant.decide(1, [open, full])).outcome, 'granted');
    assert.equal((await tenant.decide(1, [full])).outcome, 'denied');
    assert.equal((await tenant.decide(MAX_COUNT, [open])).windows[0]?.used, MAX_COUNT);
    assert.deepEqual(await tenant.used([open, full]), [MAX_COUNT, MAX_COUNT]);
  }),

  caseOf('charges made at once are granted exactly up to the limit', async (tenant) => {
    const hour = await tenant.present({ limit: 50 });
    const replies = await Promise.all(Array.from({ length: 200 }, () => tenant.decide(1, [hour])));
    assert.equal(replies.filter((reply) => reply.outcome === 'granted').length, 50);
    assert.deepEqual(await tenant.used([hour]), [50]);
  }),

  caseOf('no two tenants share a counter, however their ids look', async (tenant) => {
    const hour = await tenant.present({ limit: undefined });
    const ids = LOOKALIKE_IDS(randomUUID());
    for (const [index, id] of ids.entries()) await tenant.other(id).decide(index + 1, [hour]);
    for (const [index, id] of ids.entries()) assert.deepEqual(await tenant.other(id).used([hour]), [index + 1], id);
  }),

  caseOf('names that mean something to an object are ids and fields like any other', async (tenant) => {
    for (const name of OBJECT_KEYS) {
      const window = await tenant.present({ field: `${name}-${randomUUID()}`, limit: undefined });
      const bare = await tenant.present({ field: name, limit: undefined });
      assert.deepEqual(await tenant.other(name).used([window]), [0]);
      await tenant.other(name).decide(7, [window]);
      assert.deepEqual(await tenant.other(name).used([window]), [7]);
      await tenant.decide(3, [bare]);
      assert.deepEqual(await tenant.used([bare]), [3]);
    }
  }),
];
