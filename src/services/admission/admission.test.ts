import { beforeEach, describe, expect, test } from 'vitest';
import { FarStore } from '../../../test/quota/farStore.js';
import { TenantCounters } from '../../../test/quota/tenantCounters.js';
import { TallygateError } from '../../core/errors.js';
import type { Decision, StoreErrorPolicy } from '../../core/quota/decision.js';
import type { EffectiveLimit, WindowUnit } from '../../core/quota/limit.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import { silentObserver } from '../../ports/observer.js';
import type { ChargeSumQuery } from '../../ports/usageLedger.js';
import { memoryCounterStore } from '../../stores/memory/memoryCounterStore.js';
import type { TenantQuota } from '../usage/quotaService.js';
import { Admission } from './admission.js';
import { Rehydration } from './rehydration.js';
import { StoreClock } from './storeClock.js';
import { StoreGuard } from './storeGuard.js';

const FLUSH_INTERVAL_MS = 5_000;
const DAY_START = Date.UTC(2026, 10, 24);
const MIDNIGHT = Date.UTC(2026, 10, 25);

const now = { wall: 0, monotonic: 0 };
const clock = { wallMs: () => now.wall, monotonicMs: () => now.monotonic };
const pass = (ms: number): void => {
  now.wall += ms;
  now.monotonic += ms;
};

const limit = (window: WindowUnit, most: number | 'unlimited'): EffectiveLimit => ({
  name: window,
  window,
  limit: most,
  enforce: 'hard',
  source: 'plan',
});

const quotaWith = (...limits: EffectiveLimit[]): TenantQuota => ({
  plan: 'free',
  planSource: 'default',
  ...{ hasSetting: false, known: true, resetNumber: 0, version: 0, validUntilMs: Number.POSITIVE_INFINITY },
  calendar: UTC_CALENDAR,
  limits,
});

let store: FarStore;
let quota: TenantQuota;
/** What the ledger has, for every tenant and window; undefined: it does not answer. */
let ledgerSum: number | undefined;
let asked: ChargeSumQuery[][];
let flushed: string[];
let booked: Decision[];
let failures: string[];

beforeEach(() => {
  now.wall = Date.UTC(2026, 10, 24, 12);
  now.monotonic = 1_000;
  store = new FarStore(clock.wallMs);
  quota = quotaWith(limit('minute', 'unlimited'), limit('day', 10));
  ledgerSum = 0;
  [asked, flushed, booked, failures] = [[], [], [], []];
});

function admissionWith(policy: StoreErrorPolicy, sumCharges = sumsOfLedger): Admission {
  const observer = silentObserver;
  const storeClock = new StoreClock(clock, observer);
  const guarded = new StoreGuard({ store, storeClock, clock, observer });
  const rehydration = new Rehydration({
    sumCharges,
    flushCharges: async (tenantId) => void flushed.push(tenantId),
    generation: () => guarded.generation,
    flushIntervalMs: FLUSH_INTERVAL_MS,
    clock,
  });
  return new Admission({
    quotaOf: () => quota,
    store: guarded,
    localStore: memoryCounterStore(clock),
    storeClock,
    rehydration,
    leases: undefined,
    policy,
    refusesUnknown: false,
    remembersDenials: true,
    timeoutMs: 250,
    clock,
    observer,
    onStoreFailure: (error) => failures.push(error.message),
    onDecision: (decision) => booked.push(decision),
  });
}

async function sumsOfLedger(queries: readonly ChargeSumQuery[]): Promise<readonly number[]> {
  asked.push([...queries]);
  if (ledgerSum === undefined) throw new TallygateError('ledger_unavailable', 'away');
  return queries.map(() => ledgerSum as number);
}

const dayOf = (decision: Decision) => decision.limits.find(({ name }) => name === 'day')?.used;

describe('the ledger is asked', () => {
  test('on the first charge, once more after the next flush interval, and then no more', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 1);
    await admission.decide('acme', 1);
    expect(asked).toHaveLength(1);
    pass(FLUSH_INTERVAL_MS);
    await admission.decide('acme', 1);
    expect(asked).toHaveLength(2);
    pass(100 * FLUSH_INTERVAL_MS);
    await admission.decide('acme', 1);
    expect(asked).toHaveLength(2);
  });

  test('once more after the interval also where many first charges came together', async () => {
    const admission = admissionWith('deny');
    await Promise.all([1, 1, 1].map((cost) => admission.decide('acme', cost)));
    const before = asked.length;
    pass(FLUSH_INTERVAL_MS);
    // What another process had not flushed when the first three asked.
    ledgerSum = 8;
    expect(dayOf(await admission.decide('acme', 1))).toBe(9);
    expect(asked.length).toBe(before + 1);
  });

  test('for all tenants of a turn in one query', async () => {
    const admission = admissionWith('deny');
    const tenants = Array.from({ length: 500 }, (_, index) => `t${index}`);
    await Promise.all(tenants.map((tenantId) => admission.decide(tenantId, 1)));
    expect(asked.map((queries) => queries.length)).toEqual([500]);
    store.generation += 1;
    await Promise.all(tenants.map((tenantId) => admission.decide(tenantId, 1)));
    expect(asked.map((queries) => queries.length)).toEqual([500, 500]);
  });

  test('by no more than 5,000 sums at a time', async () => {
    const admission = admissionWith('deny');
    const tenants = Array.from({ length: 6_000 }, (_, index) => `t${index}`);
    await Promise.all(tenants.map((tenantId) => admission.decide(tenantId, 1)));
    expect(asked.map((queries) => queries.length)).toEqual([5_000, 1_000]);
  });

  test('never for a tenant without a limit that the ledger knows, nor is its buffer flushed', async () => {
    for (const unasked of [quotaWith(), quotaWith(limit('minute', 5)), quotaWith(limit('day', 'unlimited'))]) {
      quota = unasked;
      const admission = admissionWith('deny');
      expect((await admission.decide('acme', 1)).outcome).toBe('admitted');
      expect((await admission.decide('acme', 1)).outcome).toBe('admitted');
    }
    expect(asked).toEqual([]);
    expect(flushed).toEqual([]);
  });

  test('again after a changed set of limits, and by a look as well, so that it shows what the next charge will find', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 1);
    ledgerSum = 7;
    expect(dayOf(await admission.look('acme'))).toBe(1);
    quota = quotaWith(limit('day', 20));
    expect(dayOf(await admission.look('acme'))).toBe(7);
    expect(dayOf(await admission.decide('acme', 1))).toBe(8);
  });

  test('again where the store changed while the ledger was being read', async () => {
    let restart = () => {
      store.generation += 1;
      restart = () => undefined;
    };
    const admission = admissionWith('deny', async (queries) => {
      restart();
      return sumsOfLedger(queries);
    });
    await admission.decide('acme', 1);
    await admission.decide('acme', 1);
    expect(asked).toHaveLength(2);
    await admission.decide('acme', 1);
    expect(asked).toHaveLength(2);
  });

  test('again after a failed charge and a provisional one, which prove no floor', async () => {
    const admission = admissionWith('allow');
    expect(dayOf(await admission.decide('acme', 0))).toBe(0);
    store.failure = new TallygateError('counter_store_unavailable', 'away');
    expect((await admission.decide('acme', 1)).outcome).toBe('unconfirmed');
    expect(asked).toHaveLength(2);
    store.failure = undefined;
    ledgerSum = undefined;
    // One unit was let pass, and the store knows nothing of it: this process does, though only of what it had seen.
    expect(dayOf(await admission.decide('acme', 1))).toBe(2);
    ledgerSum = 6;
    pass(1_000);
    // The first call after the outage only finds out that it is over.
    await admission.decide('acme', 1);
    expect(dayOf(await admission.decide('acme', 1))).toBe(7);
    const before = asked.length;
    await admission.decide('acme', 1);
    expect(asked).toHaveLength(before);
  });

  test('once a flush interval by a tenant that only ever looks, and again by its first charge', async () => {
    const admission = admissionWith('deny');
    ledgerSum = 3;
    for (let index = 0; index < 5; index += 1) expect(dayOf(await admission.decide('acme', 0))).toBe(3);
    expect(asked).toHaveLength(1);
    store.generation += 1;
    await admission.look('acme');
    expect(asked).toHaveLength(2);
    pass(FLUSH_INTERVAL_MS);
    await admission.look('acme');
    expect(asked).toHaveLength(3);
    ledgerSum = 4;
    expect(dayOf(await admission.decide('acme', 1))).toBe(5);
  });

  test('after the store forgot without a sign: what it forgot comes back, though the ledger does not have it yet', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 4);
    store.tenants.clear();
    expect(dayOf(await admission.decide('acme', 1))).toBe(5);
    store.tenants.clear();
    // Another process, which had seen nothing, was the first to seed.
    await admissionWith('deny').decide('acme', 1);
    expect(dayOf(await admission.decide('acme', 1))).toBe(2);
    expect(dayOf(await admission.decide('acme', 1))).toBe(6);
  });

  test('after the store forgot no more than this process’s own first charge', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 4);
    store.tenants.clear();
    await admissionWith('deny').decide('acme', 1);
    expect(dayOf(await admission.decide('acme', 1))).toBe(2);
    expect(dayOf(await admission.decide('acme', 1))).toBe(5);
  });
});

describe('what is held', () => {
  /** Another process, which takes a block of the day beside its own cost; returns how it gives the block back. */
  async function takeElsewhere(take: number) {
    const { windows } = store.last;
    const reply = await store.charge({ tenantId: 'acme', costs: [], windows, take, resetNumber: 0 });
    if (reply.outcome !== 'decided') throw new Error(reply.outcome);
    const { block, incarnation } = reply;
    const charged = windows.map(({ field }, index) => ({ field, start: reply.windows[index]?.start ?? 0 }));
    const settle = { incarnation, block, rest: block, windows: charged };
    return {
      block,
      giveBack: () => store.charge({ tenantId: 'acme', costs: [], windows: [], resetNumber: 0, settle }),
    };
  }

  beforeEach(() => {
    quota = quotaWith(limit('minute', 'unlimited'), limit('day', 100));
  });

  test('by another process’s lease is no floor: what goes back stays back after the next reading of the ledger', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 1);
    const { block, giveBack } = await takeElsewhere(12);
    expect(block).toBe(12);
    expect(dayOf(await admission.decide('acme', 1))).toBe(14);
    await giveBack();
    pass(FLUSH_INTERVAL_MS);
    const before = asked.length;
    expect(dayOf(await admission.decide('acme', 1))).toBe(3);
    expect(asked.length).toBe(before + 1);
    expect(dayOf(await admission.decide('acme', 1))).toBe(4);
  });

  test('by a reservation that is released is not taken for a store that forgot', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 1);
    await admission.decide('acme', 30, { reserve: { id: 'r', ttlMs: 60_000 } });
    expect(dayOf(await admission.decide('acme', 1))).toBe(32);
    const before = asked.length;
    expect(await store.finish({ tenantId: 'acme', id: 'r', action: { kind: 'release' } })).toMatchObject({
      outcome: 'released',
    });
    expect(dayOf(await admission.decide('acme', 1))).toBe(3);
    expect(dayOf(await admission.decide('acme', 1))).toBe(4);
    expect(asked).toHaveLength(before);
  });

  test('is part of what the process counts on from while the store is away', async () => {
    const admission = admissionWith('local');
    await admission.decide('acme', 60);
    await takeElsewhere(5);
    await admission.decide('acme', 1);
    store.failure = new TallygateError('counter_store_unavailable', 'away');
    // 66 are used, 5 of them held by somebody who may spend them.
    expect((await admission.decide('acme', 35)).outcome).toBe('denied');
    expect((await admission.decide('acme', 34)).outcome).toBe('unconfirmed');
  });
});

describe('while the ledger is away', () => {
  beforeEach(() => {
    ledgerSum = undefined;
  });

  test('deny goes on with a tenant that this process sees first and the store knows', async () => {
    ledgerSum = 0;
    await admissionWith('deny').decide('acme', 3);
    ledgerSum = undefined;
    const admission = admissionWith('deny');
    expect((await admission.decide('unknown', 1)).outcome).toBe('unavailable');
    expect(await admission.decide('acme', 1)).toMatchObject({ outcome: 'admitted', limits: [{}, { used: 4 }] });
    now.wall = MIDNIGHT;
    expect(await admission.decide('acme', 1)).toMatchObject({ outcome: 'admitted', limits: [{}, { used: 1 }] });
  });

  test('deny refuses a tenant that nobody knows, certain that nothing was charged', async () => {
    const decision = await admissionWith('deny').decide('acme', 1);
    expect(decision).toMatchObject({ outcome: 'unavailable', allowed: false, chargeUnknown: false, limits: [] });
    expect(store.tenants.size).toBe(0);
  });

  test('deny refuses a tenant that the store forgot, whatever this process knew of it: others may have used the rest', async () => {
    ledgerSum = 0;
    const admission = admissionWith('deny');
    await admission.decide('acme', 2);
    store.tenants.get('acme')?.charge({ costs: [8], windows: store.requests[0]?.windows ?? [] }, now.wall);
    ledgerSum = undefined;
    store.tenants.clear();
    store.generation += 1;
    expect((await admission.decide('acme', 1)).outcome).toBe('unavailable');
    expect(store.tenants.size).toBe(0);
  });

  test('deny raises a counter that the store has to what this process knew of it', async () => {
    ledgerSum = 0;
    const admission = admissionWith('deny');
    await admission.decide('acme', 6);
    const windows = store.requests[0]?.windows ?? [];
    ledgerSum = undefined;
    store.tenants.clear();
    store.generation += 1;
    // An old snapshot: the counter is there, and lower.
    const snapshot = new TenantCounters();
    snapshot.charge({ costs: [2], windows, floors: windows.map(() => ({ start: DAY_START, used: 0 })) }, now.wall);
    store.tenants.set('acme', snapshot);
    expect(dayOf(await admission.decide('acme', 1))).toBe(7);
  });

  test('what a commit gave back does not come again', async () => {
    ledgerSum = 0;
    const admission = admissionWith('local');
    await admission.decide('acme', 2);
    expect(await admission.decide('acme', 6, { reserve: { id: 'r', ttlMs: 60_000 } })).toMatchObject({
      outcome: 'admitted',
    });
    ledgerSum = undefined;
    store.generation += 1;
    expect(await store.finish({ tenantId: 'acme', id: 'r', action: { kind: 'commit', actual: 1 } })).toMatchObject({
      outcome: 'committed',
    });
    expect(dayOf(await admission.decide('acme', 1))).toBe(4);
  });

  test('what a process knew is no ledger: a counter begun by it stays provisional, and one that is keeps its mark', async () => {
    ledgerSum = 0;
    const admission = admissionWith('allow');
    await admission.decide('acme', 6);
    ledgerSum = undefined;
    store.tenants.clear();
    store.generation += 1;
    for (let call = 0; call < 3; call += 1) {
      await admission.decide('acme', 1);
      expect(store.tenants.get('acme')?.stored.counters.get('day')).toMatchObject({ provisional: true });
    }
    // Another process finds the mark and asks the ledger, once that is back.
    ledgerSum = 9;
    const other = admissionWith('allow');
    expect((await other.decide('acme', 1)).outcome).toBe('admitted');
    expect(store.tenants.get('acme')?.stored.counters.get('day')).toMatchObject({ provisional: false, used: 10 });
  });

  test('allow shares one counter, which begins with what this process last knew', async () => {
    ledgerSum = 0;
    const admission = admissionWith('allow');
    await admission.decide('acme', 6);
    ledgerSum = undefined;
    store.tenants.clear();
    store.generation += 1;
    expect(dayOf(await admission.decide('acme', 1))).toBe(7);
    expect((await admission.decide('acme', 4)).outcome).toBe('denied');
  });

  test('a ledger that says nothing holds up a tenant that the store knows once, not again and again', async () => {
    const admission = admissionWith('deny', () => new Promise(() => undefined));
    ledgerSum = 0;
    await admissionWith('deny').decide('acme', 1);
    const startedAt = performance.now();
    expect((await admission.decide('acme', 1)).outcome).toBe('admitted');
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    for (let second = 0; second < 10; second += 1) {
      pass(1_001);
      const again = performance.now();
      expect((await admission.decide('acme', 0)).outcome).toBe('admitted');
      expect(performance.now() - again).toBeLessThan(1_000);
    }
  });
});

test('nobody waits for the ledger longer than 2 s, also behind a query that hangs', async () => {
  let queries = 0;
  const admission = admissionWith('deny', async (asked) => {
    queries += 1;
    return queries === 1 ? new Promise(() => undefined) : asked.map(() => 0);
  });
  const startedAt = performance.now();
  const first = admission.decide('first', 1);
  await new Promise((resolve) => setImmediate(resolve));
  const second = admission.decide('second', 1);
  expect((await first).outcome).toBe('unavailable');
  expect((await second).outcome).toBe('unavailable');
  expect(performance.now() - startedAt).toBeLessThan(2_500);
});

describe('the day of a decision is that of the store’s clock', () => {
  for (const aheadMs of [-5_000, 0, 5_000]) {
    for (const offsetMs of [-1, 0, 1]) {
      test(`its clock ${aheadMs} ms ahead, ${offsetMs} ms from midnight`, async () => {
        const admission = admissionWith('deny');
        store.aheadMs = aheadMs;
        now.wall = MIDNIGHT - aheadMs + offsetMs;
        // On the first charge nothing is known of the store's clock; on the second it is.
        for (const used of [1, 2]) {
          const decision = await admission.decide('acme', 1);
          expect(decision.label).toMatchObject({
            decidedAtMs: MIDNIGHT + offsetMs,
            usageDate: offsetMs < 0 ? '2026-11-24' : '2026-11-25',
          });
          expect(dayOf(decision)).toBe(used);
        }
      });
    }
  }

  test('an hour ahead and back: one more call, and no quota is frozen', async () => {
    const admission = admissionWith('deny');
    quota = quotaWith(limit('minute', 2), limit('day', 10));
    await admission.decide('acme', 1);
    store.aheadMs = 3_600_000;
    expect((await admission.decide('acme', 1)).label.decidedAtMs).toBe(now.wall + 3_600_000);
    store.aheadMs = 0;
    // This one is still sent with windows around the clock that was; its reply tells better.
    expect((await admission.decide('acme', 1)).label.decidedAtMs).toBe(now.wall);
    expect(await admission.decide('acme', 1)).toMatchObject({
      outcome: 'admitted',
      limits: [{ used: 1 }, { used: 4 }],
    });
  });
});

describe('limits that change', () => {
  test('a lowered one refuses and never shows a negative rest, a raised one admits; what was used stays used', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 8);
    quota = quotaWith(limit('day', 5));
    expect(await admission.decide('acme', 1)).toMatchObject({ outcome: 'denied', limits: [{ used: 8, remaining: 0 }] });
    quota = quotaWith(limit('day', 9));
    expect(await admission.decide('acme', 1)).toMatchObject({
      outcome: 'admitted',
      limits: [{ used: 9, remaining: 0 }],
    });
  });

  test('an hour limited in mid-hour counts what the minute inside it has', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 3);
    quota = quotaWith(limit('minute', 'unlimited'), limit('hour', 4), limit('day', 10));
    expect(await admission.decide('acme', 2)).toMatchObject({ outcome: 'denied', limits: [{}, { used: 3 }, {}] });
  });
});

describe('what a failed call of the store means', () => {
  test('it is told, and a request that waited too long may have been charged', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 1);
    store.failure = new TallygateError('counter_store_timeout', 'a reply was lost');
    expect(await admission.decide('acme', 2)).toMatchObject({
      outcome: 'unavailable',
      chargeUnknown: true,
      limits: [],
    });
    expect(failures).toEqual(['a reply was lost']);
    expect(booked.map(({ outcome }) => outcome)).toEqual(['admitted', 'unavailable']);
  });

  test('no policy refuses a tenant without a hard limit', async () => {
    quota = quotaWith(limit('minute', 'unlimited'));
    store.failure = new TallygateError('counter_store_unavailable', 'away');
    expect((await admissionWith('deny').decide('acme', 1)).outcome).toBe('unconfirmed');
  });

  test('any other error is thrown on, and nothing is booked', async () => {
    store.failure = new TallygateError('closed', 'a fault of the program');
    await expect(admissionWith('allow').decide('acme', 1)).rejects.toMatchObject({ code: 'closed' });
    expect(booked).toEqual([]);
  });

  test('a store that is always late ends the loop, and the policy decides', async () => {
    const admission = admissionWith('deny');
    await admission.decide('acme', 1);
    const before = store.requests.length;
    store.charge = async (request) => {
      store.requests.push(request);
      return { outcome: 'late', timeMs: now.wall, resetNumber: 0 };
    };
    expect(await admission.decide('acme', 1)).toMatchObject({ outcome: 'unavailable', chargeUnknown: false });
    expect(store.requests.length - before).toBeLessThanOrEqual(4);
  });
});
