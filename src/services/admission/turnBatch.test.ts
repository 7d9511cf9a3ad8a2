// Requests that arrive together travel together, and each is answered as if it had come alone.
import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import { systemClock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { MAX_GROUP, TurnBatch } from './turnBatch.js';

const NOW = 1_000_012;
const WINDOWS = [windowAt('minute', 10, 10, NOW, { tellAt: 8 }), windowAt('day', 1_000, 1_000, NOW)];

interface Call {
  readonly request: ChargeRequest;
  answer(): void;
  fail(error: TallygateError): void;
}

/** A store by the pure rule, which answers when the test says so; or at once, where it is not held. */
class FarStore implements CounterStore {
  readonly generation = 3;
  readonly calls: Call[] = [];
  readonly tenants = new Map<string, TenantCounters>();
  isHeld = false;

  charge(request: ChargeRequest): Promise<ChargeReply> {
    return new Promise((resolve, reject) => {
      const tenant = this.tenants.get(request.tenantId) ?? new TenantCounters();
      this.tenants.set(request.tenantId, tenant);
      const call = { request, answer: () => resolve(tenant.try(request, NOW)), fail: reject };
      this.calls.push(call);
      if (!this.isHeld) call.answer();
    });
  }
  finish = async () => ({ outcome: 'released' as const, timeMs: NOW, resetNumber: 0, estimate: 1 });
  ready = async () => undefined;
  close = async () => undefined;

  get costs(): (readonly number[])[] {
    return this.calls.map(({ request }) => request.costs);
  }
}

let store: FarStore;
let batch: TurnBatch;
/** What the store's clock is taken to show; undefined: not known yet. */
let storeTime: number | undefined;

beforeEach(() => {
  store = new FarStore();
  storeTime = undefined;
  const deadlineMs = (waitMs: number) => (storeTime === undefined ? undefined : storeTime + waitMs);
  batch = new TurnBatch({ store, clock: systemClock, storeClock: { deadlineMs } });
});

const charge = (cost: number, more: Partial<ChargeRequest> = {}) =>
  batch.charge({ tenantId: 't', costs: [cost], windows: WINDOWS, resetNumber: 0, ...more });
const grantedOf = (replies: readonly ChargeReply[]) =>
  replies.map((reply) => (reply.outcome === 'decided' ? reply.granted[0] : reply.outcome));
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('requests of one turn', () => {
  test('go as one call, in the order of their arrival, and each gets its own answer', async () => {
    const replies = await Promise.all([7, 5, 1, 0, 3].map((cost) => charge(cost)));
    expect(store.costs).toEqual([[7, 5, 1, 0, 3]]);
    expect(grantedOf(replies)).toEqual([true, false, true, true, false]);
    const used = replies.map((reply) => (reply.outcome === 'decided' ? reply.windows[0]?.used : undefined));
    expect(used).toEqual([0, 7, 7, 8, 8]);
  });

  test('that come from microtasks and from several sockets before the check phase go together too', async () => {
    const [first, second] = [charge(1), Promise.resolve().then(() => charge(2))];
    await Promise.all([first, second]);
    expect(store.costs).toEqual([[1, 2]]);
  });

  test('of several tenants are sent in the same turn, each tenant’s as one call', async () => {
    store.isHeld = true;
    for (const tenantId of ['a', 'b', 'a', 'c']) void charge(1, { tenantId });
    await turn();
    expect(store.calls.map(({ request }) => [request.tenantId, request.costs])).toEqual([
      ['a', [1, 1]],
      ['b', [1]],
      ['c', [1]],
    ]);
  });

  test('are at most 128 in one call, and none overtakes another', async () => {
    const windows = [windowAt('minute', 140, 10, NOW)];
    const replies = await Promise.all(Array.from({ length: 300 }, () => charge(1, { windows })));
    expect(store.costs.map((costs) => costs.length)).toEqual([MAX_GROUP, MAX_GROUP, 300 - 2 * MAX_GROUP]);
    expect(grantedOf(replies)).toEqual(Array.from({ length: 300 }, (_, index) => index < 140));
  });

  test('grant and leave what they would one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }), async (costs) => {
        const [far, alone] = [new FarStore(), new TenantCounters()];
        const together = new TurnBatch({ store: far, clock: systemClock, storeClock: { deadlineMs: () => undefined } });
        const replies = await Promise.all(
          costs.map((cost) => together.charge({ tenantId: 't', costs: [cost], windows: WINDOWS, resetNumber: 0 })),
        );
        const expected = costs.map((cost) => alone.charge({ costs: [cost], windows: WINDOWS }, NOW));
        const figures = (all: readonly ChargeReply[]) =>
          all.map((one) => (one.outcome === 'decided' ? [one.granted, one.windows.map(({ used }) => used)] : one));
        expect(figures(replies)).toEqual(figures(expected));
        expect(far.tenants.get('t')?.stored.counters).toEqual(alone.stored.counters);
      }),
      { numRuns: 100 },
    );
  });

  test('the same holds for costs in several meters', async () => {
    const meters = ['tokens'];
    const windows = [...WINDOWS, { ...windowAt('tokens', 40, 1_000, NOW), meter: 1 }];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(3), fc.nat(20)), { minLength: 1, maxLength: 30 }), async (rows) => {
        const [far, alone] = [new FarStore(), new TenantCounters()];
        const together = new TurnBatch({ store: far, clock: systemClock, storeClock: { deadlineMs: () => undefined } });
        const replies = await Promise.all(
          rows.map((costs) => together.charge({ tenantId: 't', costs, meters, windows, resetNumber: 0 })),
        );
        const expected = rows.map((costs) => alone.charge({ costs, meters, windows }, NOW));
        const figures = (all: readonly ChargeReply[]) =>
          all.map((one) => (one.outcome === 'decided' ? [one.granted, one.windows.map(({ used }) => used)] : one));
        expect(figures(replies)).toEqual(figures(expected));
        expect(far.tenants.get('t')?.stored.counters).toEqual(alone.stored.counters);
      }),
      { numRuns: 100 },
    );
  });
});

describe('do not go together', () => {
  test.each<[string, Partial<ChargeRequest>]>([
    ['other windows', { windows: [...WINDOWS] }],
    ['another reset number', { resetNumber: 1 }],
    ['a reservation', { reserve: { id: 'r', ttlMs: 1_000 } }],
    ['a block that is taken', { take: 5 }],
    ['a block that is given back', { settle: { incarnation: '', block: 1, rest: 1, windows: [] } }],
  ])('%s: it waits for its own call, and those behind it for theirs', async (_, other) => {
    await Promise.all([charge(1), charge(2, other), charge(3)]);
    expect(store.costs.flat()).toEqual([1, 2, 3]);
    expect(store.costs[0]).toEqual([1]);
  });

  test('a request that takes a block may have others behind it: the block is its own', async () => {
    const windows = [windowAt('day', 1_000, 1_000, NOW)];
    const replies = await Promise.all([charge(1, { windows, take: 5 }), charge(1, { windows })]);
    expect(store.costs).toEqual([[1, 1]]);
    expect(replies.map((reply) => reply.outcome === 'decided' && reply.block)).toEqual([5, 0]);
    expect(replies.map((reply) => reply.outcome === 'decided' && reply.windows[0])).toMatchObject([
      { used: 0, held: 0 },
      // What the first one's block took is known to those behind it.
      { used: 1 + 5, held: 5 },
    ]);
  });
});

test('what happened once is told once: a threshold to the first of the group', async () => {
  const replies = await Promise.all([charge(6), charge(2), charge(2)]);
  expect(replies.map((reply) => (reply.outcome === 'decided' ? reply.crossed : []))).toEqual([
    [{ window: 0, level: 100 }],
    [],
    [],
  ]);
});

test('a threshold is told though the first of the group waits no more', async () => {
  store.isHeld = true;
  const [hasty, patient] = [charge(6, { waitMs: 15 }), charge(2, { waitMs: 5_000 })];
  await expect(hasty).rejects.toMatchObject({ code: 'counter_store_timeout' });
  store.calls[0]?.answer();
  expect(await patient).toMatchObject({ crossed: [{ window: 0, level: 80 }], block: 0 });
});

test('of what processes saw themselves the highest goes on, and what the ledger or a blind seed tells stands over it', async () => {
  const [start, raisesOnly, provisional] = [10, true, true] as const;
  await Promise.all([
    charge(1, {
      floors: [
        { start, used: 3, raisesOnly },
        { start, used: 8, raisesOnly },
        { start, used: 1, raisesOnly },
      ],
    }),
    charge(1, {
      floors: [
        { start, used: 5, raisesOnly },
        { start, used: 2, provisional },
        { start, used: 4 },
      ],
    }),
  ]);
  expect(store.calls[0]?.request.floors).toEqual([
    { start, used: 5, raisesOnly },
    { start, used: 8, provisional },
    { start, used: 4 },
  ]);
});

test('floors of a group are one: of each window the latest start, of one start the highest, and the ledger’s over a blind one', async () => {
  const floor = (start: number, used: number, provisional = false) =>
    provisional ? { start, used, provisional: true as const } : { start, used };
  await Promise.all([
    charge(1),
    charge(1, { floors: [floor(10, 3), floor(0, 9, true)] }),
    charge(1, { floors: [floor(10, 5), floor(0, 2)] }),
    charge(1, { floors: [floor(0, 99), undefined] }),
  ]);
  expect(store.calls[0]?.request.floors).toEqual([floor(10, 5), floor(0, 9)]);
});

describe('one call of a tenant is under way at a time', () => {
  test('what arrives meanwhile goes together with the next; other tenants do not wait', async () => {
    store.isHeld = true;
    void charge(1);
    await turn();
    const next = [charge(2), charge(3)];
    void charge(4, { tenantId: 'other' });
    await turn();
    next.push(charge(5));
    await turn();
    expect(store.costs).toEqual([[1], [4]]);
    store.calls[0]?.answer();
    await turn();
    expect(store.costs).toEqual([[1], [4], [2, 3, 5]]);
    store.calls[2]?.answer();
    expect(grantedOf(await Promise.all(next))).toEqual([true, true, false]);
  });

  test('a call that fails rejects those in it, and the next one goes', async () => {
    store.isHeld = true;
    const failed = [charge(1), charge(1)].map((one) => one.catch((error) => error));
    await turn();
    const next = charge(2);
    store.calls[0]?.fail(new TallygateError('counter_store_timeout', 'lost'));
    for (const error of await Promise.all(failed)) expect(error).toMatchObject({ code: 'counter_store_timeout' });
    await turn();
    store.calls[1]?.answer();
    expect(grantedOf([await next])).toEqual([true]);
  });

  test('an answer that decides nothing is everybody’s', async () => {
    const late = { deadlineMs: NOW - 1 };
    const replies = await Promise.all([charge(1, late), charge(1, late)]);
    expect(grantedOf(replies)).toEqual(['late', 'late']);
  });
});

describe('each request waits only as long as it has time, from its own arrival', () => {
  test('one whose time is over before it was sent was not charged; those around it are sent without it', async () => {
    store.isHeld = true;
    void charge(1);
    await turn();
    const [patient, hasty] = [charge(2, { waitMs: 5_000 }), charge(3, { waitMs: 15 })];
    await expect(hasty).rejects.toMatchObject({ code: 'counter_store_unavailable' });
    store.calls[0]?.answer();
    await turn();
    expect(store.costs).toEqual([[1], [2]]);
    store.calls[1]?.answer();
    expect(grantedOf([await patient])).toEqual([true]);
  });

  test('one whose time is over under way does not know what became of it; the others hear the answer', async () => {
    store.isHeld = true;
    const [hasty, patient] = [charge(3, { waitMs: 15 }), charge(2, { waitMs: 5_000 })];
    await expect(hasty).rejects.toMatchObject({ code: 'counter_store_timeout' });
    expect(store.costs).toEqual([[3, 2]]);
    store.calls[0]?.answer();
    const reply = await patient;
    expect(reply.outcome === 'decided' && reply.windows[0]?.used).toBe(3);
  });

  test('one without any time is not sent', async () => {
    await expect(charge(1, { waitMs: 0 })).rejects.toMatchObject({ code: 'counter_store_unavailable' });
    await turn();
    expect(store.calls).toHaveLength(0);
  });

  test('the store is told the deadline of the one with the least time, and waited for as long as the one with the most', async () => {
    storeTime = NOW;
    await Promise.all([charge(1, { waitMs: 3_000 }), charge(1, { waitMs: 200 }), charge(1, { waitMs: 900 })]);
    const { deadlineMs = 0, waitMs = 0 } = store.calls[0]?.request ?? {};
    expect(deadlineMs).toBeGreaterThan(NOW);
    expect(deadlineMs).toBeLessThanOrEqual(NOW + 200);
    expect(waitMs).toBeGreaterThan(900);
    expect(waitMs).toBeLessThanOrEqual(3_000);
    await Promise.all([charge(1, { waitMs: 500 }), charge(1, { deadlineMs: NOW + 40 })]);
    expect(store.calls[1]?.request).toMatchObject({ deadlineMs: NOW + 40, waitMs: undefined });
  });
});

test('each request goes on in its own async context, whoever it travelled with', async () => {
  const context = new AsyncLocalStorage<number>();
  store.isHeld = true;
  const seen = Promise.all(
    Array.from({ length: 20 }, (_, id) =>
      context.run(id, async () => {
        await charge(1, id % 3 === 0 ? { windows: [...WINDOWS] } : {}).catch(() => undefined);
        return context.getStore();
      }),
    ),
  );
  // Answered from contexts of their own, as sockets are.
  for (let call = 0; call < 20; call += 1) {
    await turn();
    const next = store.calls[call];
    if (next === undefined) break;
    context.run(-1, () =>
      call % 4 === 3 ? next.fail(new TallygateError('counter_store_timeout', 'x')) : next.answer(),
    );
  }
  expect(await seen).toEqual(Array.from({ length: 20 }, (_, id) => id));
});

test('the rest is the inner store’s: its generation, and the end of reservations', async () => {
  expect(batch.generation).toBe(3);
  expect(await batch.finish({ tenantId: 't', id: 'r', action: { kind: 'release' } })).toMatchObject({
    outcome: 'released',
  });
});
