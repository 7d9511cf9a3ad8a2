// Cases of the counter store: a request under its client's key is charged once, whoever tells it again.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ChargeReply, DecidedReply } from '../core/quota/chargeReply.js';
import type { ChargeRequest, ChargeWindow } from '../core/quota/chargeRequest.js';
import type { Remember } from '../core/quota/remembered.js';
import { type CaseTenant, type CounterStoreCase, caseOf, slidingSecond } from './counterStoreCase.js';

const hex = (): string => randomBytes(16).toString('hex');

/** A key that nobody else has. */
const fresh = (day?: number): Remember => ({ key: hex(), content: hex(), day });

async function told(
  tenant: CaseTenant,
  windows: readonly ChargeWindow[],
  more: Partial<ChargeRequest>,
): Promise<ChargeReply> {
  return tenant.store.charge({ tenantId: tenant.id, costs: [1], windows, resetNumber: 0, ...more });
}

const grantedNow = (reply: DecidedReply): boolean => reply.granted[0] === true && reply.remembered === undefined;

export const rememberedCases: readonly CounterStoreCase[] = [
  caseOf(
    'the same request under its key again charges nothing, and learns what the first was charged to',
    async (tenant) => {
      const hour = await tenant.present({ limit: 10 });
      const day = await tenant.present({ field: 'day', lengthMs: 86_400_000, limit: undefined });
      const windows = [hour, day];
      const remember = fresh(1);
      const first = await tenant.ask(windows, { costs: [4], remember, resetNumber: 3 });
      assert.ok(grantedNow(first));
      await tenant.ask(windows, { costs: [5], resetNumber: 3 });
      const again = await tenant.ask(windows, { costs: [4], remember, resetNumber: 3 });
      assert.deepEqual(again.granted, [true]);
      assert.deepEqual([again.charged, again.windows.map((window) => window.used)], [0, [9, 9]]);
      assert.deepEqual(again.remembered, {
        ...{ content: remember.content, timeMs: first.timeMs, resetNumber: 3, dayStart: day.starts[1] },
        ...{ reservation: undefined, passing: [] },
      });
      assert.deepEqual(
        (await tenant.ask(windows, { costs: [0], resetNumber: 3 })).windows.map(({ used }) => used),
        [9, 9],
      );
    },
  ),

  caseOf('another request under the same key is a conflict, and charges nothing', async (tenant) => {
    const windows = [await tenant.present({ limit: 10 })];
    const remember = fresh();
    await tenant.ask(windows, { costs: [4], remember });
    const other = await told(tenant, windows, { costs: [1], remember: { ...remember, content: hex() } });
    assert.equal(other.outcome, 'conflict');
    assert.ok(other.timeMs > 0);
    assert.deepEqual(await tenant.used(windows), [4]);
    assert.equal((await tenant.ask(windows, { costs: [4], remember })).remembered?.content, remember.content);
  }),

  caseOf('a denial is not remembered: the next try is decided anew, also as another request', async (tenant) => {
    const windows = [await tenant.present({ limit: 10 })];
    const remember = fresh();
    const reserve = { id: 'room', ttlMs: 60_000 };
    await tenant.ask(windows, { costs: [8], reserve });
    assert.deepEqual((await tenant.ask(windows, { costs: [3], remember })).granted, [false]);
    await tenant.finish('room', { kind: 'release' });
    assert.ok(grantedNow(await tenant.ask(windows, { costs: [4], remember: { ...remember, content: hex() } })));
    assert.deepEqual(await tenant.used(windows), [4]);
  }),

  caseOf('an admission is answered again where nothing fits any more', async (tenant) => {
    const hour = await tenant.present({ limit: 4 });
    const windows = [hour, slidingSecond(4)];
    const remember = fresh(0);
    assert.ok(grantedNow(await tenant.ask(windows, { costs: [4], remember })));
    assert.deepEqual((await tenant.ask(windows, { costs: [1] })).granted, [false]);
    const again = await tenant.ask([{ ...hour, limit: 1 }], { costs: [4], remember });
    assert.deepEqual([again.granted, again.remembered?.dayStart], [[true], hour.starts[1]]);
    assert.deepEqual(await tenant.used([hour]), [4]);
  }),

  caseOf('what costs nothing is remembered too, and creates no counter', async (tenant) => {
    const month = await tenant.present({ field: 'month', fromLedger: true });
    const remember = fresh(0);
    const floors = [{ start: month.starts[1], used: 4 }];
    assert.ok(grantedNow(await tenant.ask([month], { costs: [0], remember, floors })));
    const again = await tenant.ask([month], { costs: [0], remember, floors });
    assert.equal(again.remembered?.dayStart, month.starts[1]);
    assert.equal((await tenant.charge(0, [month])).outcome, 'cold');
    // A repeat looks, and a look may find nothing; but that it is another request is known without counters.
    assert.equal((await told(tenant, [month], { costs: [0], remember })).outcome, 'cold');
    const other = { ...remember, content: hex() };
    assert.equal((await told(tenant, [month], { costs: [0], remember: other })).outcome, 'conflict');
  }),

  caseOf('a request under a key that comes too late is not decided, nor is its repeat', async (tenant) => {
    const windows = [await tenant.present({ limit: 10 })];
    const remember = fresh();
    const late = { costs: [1], remember, deadlineMs: (await tenant.now()) - 10_000 };
    assert.equal((await told(tenant, windows, late)).outcome, 'late');
    assert.ok(grantedNow(await tenant.ask(windows, { costs: [1], remember })));
    assert.equal((await told(tenant, windows, late)).outcome, 'late');
    assert.deepEqual(await tenant.used(windows), [1]);
  }),

  caseOf('a reservation is made once: told again, it is the first one', async (tenant) => {
    const windows = [await tenant.present({ limit: 100 }), await tenant.present({ field: 'day', limit: 100 })];
    const remember = fresh(1);
    const first = await tenant.ask(windows, { costs: [30], remember, reserve: { id: 'first', ttlMs: 60_000 } });
    const again = await tenant.ask(windows, { costs: [30], remember, reserve: { id: 'second', ttlMs: 60_000 } });
    assert.deepEqual(again.remembered?.reservation, { id: 'first', expiresAtMs: first.timeMs + 60_000 });
    assert.deepEqual(await tenant.standing(windows), [
      [30, 30],
      [30, 30],
    ]);
    assert.equal((await tenant.finish('second', { kind: 'release' })).outcome, 'unknown');
    assert.equal((await tenant.finish('first', { kind: 'commit', actual: 7 })).outcome, 'committed');
    assert.deepEqual(await tenant.standing(windows), [
      [7, 0],
      [7, 0],
    ]);
  }),

  caseOf('where windows stood that refuse nothing is remembered, each before the first charge', async (tenant) => {
    const windows = [
      await tenant.present({ field: 'hard', limit: 100 }),
      await tenant.present({ field: 'soft', limit: 5, denies: false }),
      await tenant.present({ field: 'open', limit: undefined, denies: false }),
      slidingSecond(3, false),
    ];
    const remember = fresh();
    await tenant.ask([windows[1] as ChargeWindow], { costs: [4] });
    await tenant.ask(windows, { costs: [9], remember });
    const { remembered } = await tenant.ask(windows, { costs: [9], remember });
    assert.deepEqual(remembered?.passing, [
      { field: 'soft', used: 4 },
      { field: 'burst~1', used: 0 },
    ]);
  }),

  caseOf('costs in meters are charged once, all of them', async (tenant) => {
    const own = await tenant.present({ limit: 10 });
    const windows = [own, { ...(await tenant.present({ field: 'tokens', limit: 1_000 })), meter: 1 }];
    const asked = { costs: [2, 300], meters: ['tokens'], remember: fresh(0) };
    assert.ok(grantedNow(await tenant.ask(windows, asked)));
    assert.notEqual((await tenant.ask(windows, asked)).remembered, undefined);
    const { windows: counted } = await tenant.ask(windows, { ...asked, costs: [0, 0], remember: undefined });
    assert.deepEqual(
      counted.map(({ used }) => used),
      [2, 300],
    );
  }),

  caseOf('after a reset the repeat is still the first, under the number that it was charged under', async (tenant) => {
    const windows = [await tenant.present({ limit: 10 })];
    const remember = fresh();
    await tenant.ask(windows, { costs: [4], remember });
    await tenant.ask(windows, { costs: [1], resetNumber: 8 });
    const again = await tenant.ask(windows, { costs: [4], remember, resetNumber: 8 });
    assert.deepEqual([again.remembered?.resetNumber, again.resetNumber], [0, 8]);
    assert.deepEqual((await tenant.ask(windows, { costs: [0], resetNumber: 8 })).windows[0]?.used, 1);
  }),

  caseOf('the same key of another tenant is another key', async (tenant) => {
    const windows = [await tenant.present({ limit: 10 })];
    const remember = fresh();
    await tenant.ask(windows, { costs: [4], remember });
    const other = tenant.other(`${tenant.id}-other`);
    assert.ok(grantedNow(await other.ask(windows, { costs: [2], remember: { ...remember, content: hex() } })));
    assert.deepEqual([await tenant.used(windows), await other.used(windows)], [[4], [2]]);
  }),

  caseOf('of many that tell the same few requests at once, each request is charged once', async (tenant) => {
    const windows = [await tenant.present({ limit: 1_000 })];
    const keys = Array.from({ length: 10 }, () => fresh(0));
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        tenant.ask(windows, { costs: [3], remember: keys[index % keys.length] as Remember }),
      ),
    );
    assert.equal(replies.filter(grantedNow).length, keys.length);
    assert.ok(replies.every(({ granted }) => granted[0] === true));
    assert.deepEqual(await tenant.used(windows), [30]);
  }),
];
