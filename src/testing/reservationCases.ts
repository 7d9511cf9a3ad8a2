// Cases of the counter store: reservations, from the estimate to what it was.
import assert from 'node:assert/strict';
import type { FinishAction } from '../core/quota/reservation.js';
import { type CaseTenant, type CounterStoreCase, caseOf, slidingSecond, windowFrom } from './counterStoreCase.js';

const commit = (actual: number): FinishAction => ({ kind: 'commit', actual });
const release: FinishAction = { kind: 'release' };
const LONG_MS = 60_000;
const SHORT_MS = 60;

/** Windows of an hour with 5 used, and a reservation of 30 under each id. */
async function reserved(tenant: CaseTenant, ids: readonly string[], ttlMs = LONG_MS) {
  const windows = [
    await tenant.present({ field: 'hour', limit: 100 }),
    await tenant.present({ field: 'day', limit: 500 }),
  ];
  await tenant.ask(windows, { costs: [5] });
  for (const id of ids) await tenant.ask(windows, { costs: [30], reserve: { id, ttlMs } });
  return windows;
}

export const reservationCases: readonly CounterStoreCase[] = [
  caseOf('a reservation charges and holds its estimate; what is refused makes none', async (tenant) => {
    const windows = await reserved(tenant, ['a']);
    assert.deepEqual(await tenant.standing(windows), [
      [35, 30],
      [35, 30],
    ]);
    const refused = await tenant.ask(windows, { costs: [66], reserve: { id: 'b', ttlMs: LONG_MS } });
    assert.deepEqual(refused.granted, [false]);
    assert.equal((await tenant.finish('b', release)).outcome, 'unknown');
    assert.deepEqual(await tenant.standing(windows), [
      [35, 30],
      [35, 30],
    ]);
  }),

  caseOf('a commit replaces the estimate by what it was, also above it; a release takes it back', async (tenant) => {
    const windows = await reserved(tenant, ['less', 'more', 'none']);
    const reply = await tenant.finish('less', commit(10));
    assert.deepEqual([reply.outcome, reply.estimate, reply.resetNumber], ['committed', 30, 0]);
    assert.equal((await tenant.finish('none', release)).outcome, 'released');
    assert.deepEqual(await tenant.standing(windows), [
      [45, 30],
      [45, 30],
    ]);
    assert.equal((await tenant.finish('more', commit(200))).outcome, 'committed');
    assert.deepEqual(await tenant.standing(windows), [
      [215, 0],
      [215, 0],
    ]);
    assert.deepEqual((await tenant.ask(windows, { costs: [1] })).granted, [false]);
  }),

  caseOf(
    'a reservation ends once: the same again is the same, anything else is refused and changes nothing',
    async (tenant) => {
      const windows = await reserved(tenant, ['c', 'r']);
      await tenant.finish('c', commit(10));
      await tenant.finish('r', release);
      const outcomes: string[] = [];
      for (const [id, action] of [
        ['c', commit(10)],
        ['c', commit(11)],
        ['c', release],
        ['r', release],
        ['r', commit(10)],
      ] as const)
        outcomes.push((await tenant.finish(id, action)).outcome);
      assert.deepEqual(outcomes, ['committed', 'other_amount', 'already_committed', 'released', 'already_released']);
      assert.deepEqual(await tenant.standing(windows), [
        [15, 0],
        [15, 0],
      ]);
    },
  ),

  caseOf('after its time a reservation refunds nothing, whatever is asked of it', async (tenant) => {
    const windows = await reserved(tenant, ['late', 'later'], SHORT_MS);
    await tenant.reach((await tenant.now()) + SHORT_MS);
    for (const [id, action] of [
      ['late', commit(1)],
      ['late', commit(40)],
      ['late', release],
      ['later', release],
      ['later', commit(2)],
    ] as const) {
      const reply = await tenant.finish(id, action);
      assert.deepEqual([reply.outcome, reply.estimate], ['expired', 30]);
    }
    assert.deepEqual(await tenant.standing(windows), [
      [65, 60],
      [65, 60],
    ]);
  }),

  caseOf('reserved at the end of a window and ended in the next, the next is as it was', async (tenant) => {
    const short = windowFrom((await tenant.now()) - 10, { field: 'short', limit: 40, lengthMs: 100 });
    const long = await tenant.present({ field: 'long', limit: 200 });
    const reply = await tenant.ask([short, long], { costs: [30], reserve: { id: 'a', ttlMs: LONG_MS } });
    const end = reply.windows[0]?.end ?? 0;
    await tenant.reach(end);
    const next = windowFrom(end, { field: 'short', limit: 40 });
    await tenant.ask([next, long], { costs: [40] });
    assert.equal((await tenant.finish('a', release)).outcome, 'released');
    assert.deepEqual(await tenant.standing([next, long]), [
      [40, 0],
      [40, 0],
    ]);
    assert.deepEqual((await tenant.ask([next, long], { costs: [1] })).granted, [false]);
  }),

  caseOf('what was reserved before a reset ends without touching what was counted since', async (tenant) => {
    const windows = await reserved(tenant, ['a', 'b']);
    await tenant.ask(windows, { costs: [7], resetNumber: 3 });
    assert.deepEqual((await tenant.finish('a', commit(1))).outcome, 'committed');
    assert.deepEqual((await tenant.finish('b', release)).resetNumber, 0);
    await tenant.ask(windows, { costs: [8], resetNumber: 3, reserve: { id: 'c', ttlMs: LONG_MS } });
    assert.equal((await tenant.finish('c', release)).resetNumber, 3);
    assert.deepEqual(await tenant.standing(windows), [
      [7, 0],
      [7, 0],
    ]);
  }),

  caseOf('a reservation corrects the very segment of a sliding window', async (tenant) => {
    const windows = [slidingSecond(40), await tenant.present({ limit: 100 })];
    await tenant.ask(windows, { costs: [30], reserve: { id: 'a', ttlMs: LONG_MS } });
    await tenant.finish('a', commit(3));
    const [sliding, hour] = (await tenant.ask(windows, { costs: [0] })).windows;
    // On a slow machine the segment may have left by now.
    assert.ok(sliding?.used === 3 || sliding?.used === 0, String(sliding?.used));
    assert.equal(hour?.used, 3);
  }),

  caseOf('ids of two tenants are two reservations, and an id that nobody made is unknown', async (tenant) => {
    const windows = await reserved(tenant, ['a']);
    const other = tenant.other(`${tenant.id}-other`);
    assert.equal((await other.finish('a', release)).outcome, 'unknown');
    await other.ask(windows, { costs: [9], reserve: { id: 'a', ttlMs: LONG_MS } });
    assert.equal((await other.finish('a', commit(9))).estimate, 9);
    assert.equal((await tenant.finish('a', commit(1))).estimate, 30);
    const unknown = await tenant.finish('nobody', commit(1));
    assert.deepEqual([unknown.outcome, unknown.estimate, unknown.resetNumber], ['unknown', 0, 0]);
  }),

  caseOf('a late commit gives nothing back, and what was above the estimate is charged once', async (tenant) => {
    const windows = await reserved(tenant, ['above', 'below'], SHORT_MS);
    await tenant.reach((await tenant.now()) + SHORT_MS);
    assert.equal((await tenant.finish('below', commit(10))).outcome, 'expired');
    assert.deepEqual(await tenant.standing(windows), [
      [65, 60],
      [65, 60],
    ]);
    for (let turn = 0; turn < 2; turn += 1) assert.equal((await tenant.finish('above', commit(50))).outcome, 'expired');
    assert.deepEqual(await tenant.standing(windows), [
      [85, 60],
      [85, 60],
    ]);
  }),
];
