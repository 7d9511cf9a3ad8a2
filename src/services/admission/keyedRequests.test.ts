// Decisions about requests that their clients may tell again under a key: charged once, labelled and booked as the first one was.
import { beforeEach, expect, test } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { Decision, StoreErrorPolicy } from '../../core/quota/decision.js';
import type { EffectiveLimit, Enforcement, WindowUnit } from '../../core/quota/limit.js';
import type { KeyedRequest } from '../../core/quota/remembered.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { silentObserver } from '../../ports/observer.js';
import { memoryCounterStore } from '../../stores/memory/memoryCounterStore.js';
import type { TenantQuota } from '../usage/quotaService.js';
import { Admission } from './admission.js';
import { LeasePool } from './leasePool.js';
import { Rehydration } from './rehydration.js';
import { StoreClock } from './storeClock.js';
import { StoreGuard } from './storeGuard.js';
import { TurnBatch } from './turnBatch.js';

const now = { wall: 0, monotonic: 0 };
const clock = { wallMs: () => now.wall, monotonicMs: () => now.monotonic };
const pass = (ms: number): void => {
  now.wall += ms;
  now.monotonic += ms;
};
const EVENING = Date.UTC(2026, 10, 24, 23, 58);
const AWAY = new TallygateError('counter_store_unavailable', 'away');
const LATE = new TallygateError('counter_store_timeout', 'late');

const limit = (window: WindowUnit, most: number, enforce: Enforcement = 'hard'): EffectiveLimit => ({
  ...{ name: window, window, limit: most, enforce, source: 'plan' },
});
const keyed = (key = 'k1', content = 'c1'): { readonly keyed: KeyedRequest } => ({
  keyed: { key, content, apiCalls: 1 },
});

/** Counters behind a network: calls fail as told, before they are made or after. */
class DistantStore implements CounterStore {
  generation = 1;
  failure: { readonly error: TallygateError; readonly isMade: boolean } | undefined;
  readonly requests: ChargeRequest[] = [];
  readonly #counters = memoryCounterStore(clock);

  async charge(request: ChargeRequest): Promise<ChargeReply> {
    this.requests.push(request);
    const { failure } = this;
    if (failure !== undefined && !failure.isMade) throw failure.error;
    const reply = this.#counters.charge(request);
    if (failure !== undefined) throw failure.error;
    return reply;
  }
  finish = () => Promise.reject(AWAY);
  ready = () => Promise.resolve();
  close = () => Promise.resolve();
}

let store: DistantStore;
let limits: readonly EffectiveLimit[];
let resetNumber: number;
let ledgerSum: number;
let booked: Decision[];

function admissionWith(policy: StoreErrorPolicy = 'local', isLeased = false): Admission {
  const observer = silentObserver;
  const storeClock = new StoreClock(clock, observer);
  const guarded = new TurnBatch({ store: new StoreGuard({ store, storeClock, clock, observer }), storeClock, clock });
  let quota: TenantQuota | undefined;
  const quotaOf = (): TenantQuota => {
    if (quota?.limits === limits && quota.resetNumber === resetNumber) return quota;
    quota = {
      ...{ plan: 'free', planSource: 'plan', hasSetting: true, known: true, calendar: UTC_CALENDAR },
      ...{ resetNumber, version: 1, validUntilMs: Number.POSITIVE_INFINITY, limits },
    };
    return quota;
  };
  const rehydration = new Rehydration({
    sumCharges: async (queries) => queries.map(() => ledgerSum),
    ...{ flushCharges: async () => undefined, generation: () => guarded.generation, flushIntervalMs: 5_000, clock },
  });
  return new Admission({
    ...{ quotaOf, store: guarded, localStore: memoryCounterStore(clock), storeClock, rehydration, policy },
    leases: isLeased ? new LeasePool({ store: guarded, clock, observer }) : undefined,
    ...{ refusesUnknown: false, remembersDenials: true, timeoutMs: 250, clock, observer },
    ...{ onStoreFailure: () => undefined, onDecision: (decision) => booked.push(decision) },
  });
}

const usedOf = ({ limits: states }: Decision) => Object.fromEntries(states.map(({ name, used }) => [name, used]));

beforeEach(() => {
  now.wall = EVENING;
  now.monotonic = 1_000;
  store = new DistantStore();
  limits = [limit('minute', 100), limit('day', 100)];
  [resetNumber, ledgerSum, booked] = [0, 0, []];
});

test('a repeat charges nothing, shows the present standing, and is booked as the first: its date, reset number and overage', async () => {
  limits = [limit('day', 6, 'soft'), limit('month', 1_000)];
  const admission = admissionWith();
  await admission.decide('acme', 4);
  const first = await admission.decide('acme', 5, keyed());
  expect([first.overage, first.label.usageDate, first.keyed]).toEqual([
    3,
    '2026-11-24',
    { key: 'k1', apiCalls: 1, first: undefined },
  ]);
  pass(240_000);
  resetNumber = 9;
  // Another process: it knows nothing of the first.
  const other = admissionWith();
  await other.decide('acme', 2);
  const again = await other.decide('acme', 5, keyed());
  expect(again).toMatchObject({ outcome: 'admitted', allowed: true, cost: 5, overage: 3, chargeUnknown: false });
  expect(again.label).toEqual({ decidedAtMs: now.wall, usageDate: '2026-11-24', resetNumber: 0 });
  expect(usedOf(again)).toEqual({ day: 2, month: 2 });
  expect(again.keyed).toMatchObject({ key: 'k1', apiCalls: 1, first: { content: 'c1' } });
  expect(booked.at(-1)).toBe(again);
});

test('another request under the key is refused with idempotency_conflict, and booked nowhere', async () => {
  const admission = admissionWith();
  await admission.decide('acme', 5, keyed());
  const other = async () => admission.decide('acme', 1, keyed('k1', 'c2'));
  await expect(other()).rejects.toMatchObject({ code: 'idempotency_conflict' });
  expect(booked).toHaveLength(1);
  expect(usedOf(await admission.look('acme'))).toEqual({ minute: 5, day: 5 });
});

test('neither a remembered denial nor a limit below the cost answers a repeat, but both a request that was never admitted', async () => {
  const admission = admissionWith();
  await admission.decide('acme', 80, keyed());
  expect((await admission.decide('acme', 50)).outcome).toBe('denied');
  expect((await admission.decide('acme', 80, keyed())).allowed).toBe(true);
  expect((await admission.decide('acme', 80, keyed('k2'))).outcome).toBe('denied');
  limits = [limit('minute', 50), limit('day', 50)];
  expect((await admission.decide('acme', 80, keyed())).allowed).toBe(true);
  const impossible = await admission.decide('acme', 80, keyed('k2'));
  expect([impossible.outcome, impossible.exceeded.map(({ name }) => name)]).toEqual([
    'cost_exceeds_limit',
    ['minute', 'day'],
  ]);
  store.failure = { error: AWAY, isMade: false };
  expect((await admission.decide('acme', 80, keyed('k3'))).outcome).toBe('cost_exceeds_limit');
});

test('a request under a key is never paid from a block, and takes none', async () => {
  const admission = admissionWith('local', true);
  limits = [limit('day', 100_000)];
  for (let request = 0; request < 20; request += 1) {
    await admission.decide('acme', 1);
    pass(10);
  }
  const before = store.requests.length;
  await admission.decide('acme', 1);
  expect(store.requests).toHaveLength(before);
  await admission.decide('acme', 1, keyed());
  expect(store.requests).toHaveLength(before + 1);
  expect(store.requests.at(-1)).toMatchObject({ take: undefined, settle: undefined, remember: { key: 'k1', day: 0 } });
});

test('what this process knows of the counters does not grow by a repeat', async () => {
  const admission = admissionWith();
  await admission.decide('acme', 5, keyed());
  await admission.decide('acme', 5, keyed());
  // The next charge tells the store what was seen of it.
  store.generation += 1;
  expect(usedOf(await admission.decide('acme', 1))).toEqual({ minute: 6, day: 6 });
});

test('after the store forgot, a repeat does not count as having told it of the ledger', async () => {
  const admission = admissionWith();
  await admission.decide('acme', 5, keyed());
  // A reconnect: what others let pass meanwhile is in the ledger.
  store.generation += 1;
  ledgerSum = 90;
  await admission.decide('acme', 5, keyed());
  expect((await admission.decide('acme', 20)).outcome).toBe('denied');
});

test.each(['local', 'allow'] as const)(
  'while the store is away, %s: a repeat passes as the first did, and counts once',
  async (policy) => {
    limits = [limit('month', 10)];
    const admission = admissionWith(policy);
    await admission.decide('acme', 1);
    store.failure = { error: AWAY, isMade: false };
    const first = await admission.decide('acme', 6, keyed());
    pass(240_000);
    const again = await admission.decide('acme', 6, keyed());
    expect([first.outcome, again.outcome]).toEqual(['unconfirmed', 'unconfirmed']);
    expect([again.label.usageDate, again.keyed?.first?.timeMs]).toEqual(['2026-11-24', EVENING]);
    await expect((async () => admission.decide('acme', 6, keyed('k1', 'c2')))()).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    store.failure = undefined;
    // What was let pass, once, comes to the store with the next request.
    expect(usedOf(await admission.decide('acme', 1))).toEqual({ month: 8 });
  },
);

test('while the store is away, deny: refused, and decided anew when it is back', async () => {
  const admission = admissionWith('deny');
  store.failure = { error: AWAY, isMade: false };
  expect((await admission.decide('acme', 6, keyed())).outcome).toBe('unavailable');
  store.failure = undefined;
  expect(usedOf(await admission.decide('acme', 6, keyed()))).toEqual({ minute: 6, day: 6 });
});

test('an answer that was lost after the charge is found again: nothing is charged twice', async () => {
  const admission = admissionWith('deny');
  await admission.decide('acme', 1);
  store.failure = { error: LATE, isMade: true };
  const lost = await admission.decide('acme', 6, keyed());
  expect([lost.outcome, lost.chargeUnknown]).toEqual(['unavailable', true]);
  store.failure = undefined;
  const again = await admission.decide('acme', 6, keyed());
  expect([again.outcome, usedOf(again)]).toEqual(['admitted', { minute: 7, day: 7 }]);
  expect(again.keyed?.first).toBeDefined();
});

test('a reservation that is let pass under a key is the same one when it is asked for again', async () => {
  const admission = admissionWith('allow');
  store.failure = { error: AWAY, isMade: false };
  const ask = (id: string) => admission.decide('acme', 6, { reserve: { id, ttlMs: 60_000 }, ...keyed() });
  await ask('first');
  const reservation = { id: 'first', expiresAtMs: EVENING + 60_000 };
  expect((await ask('second')).keyed?.first?.reservation).toEqual(reservation);
});
