// What a decision says and does beside the ledger: limits that refuse nothing, tenants that nobody knows, remembered denials, leases,
// resets, and the policies for the time when the store does not answer.
import { beforeEach, describe, expect, test } from 'vitest';
import { FarStore } from '../../../test/quota/farStore.js';
import { TallygateError } from '../../core/errors.js';
import type { Decision, StoreErrorPolicy } from '../../core/quota/decision.js';
import type { EffectiveLimit, Enforcement, LimitWindow } from '../../core/quota/limit.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import { type OverAdmission, silentObserver } from '../../ports/observer.js';
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

const limit = (window: LimitWindow, most: number, enforce: Enforcement = 'hard', name?: string): EffectiveLimit => ({
  ...{ name: name ?? (typeof window === 'string' ? window : 'burst'), window, limit: most, enforce, source: 'plan' },
});

const quotaWith = (limits: EffectiveLimit[], more: Partial<TenantQuota> = {}): TenantQuota => ({
  ...{ plan: 'free', planSource: 'plan', hasSetting: true, known: true, calendar: UTC_CALENDAR },
  ...{ resetNumber: 0, version: 12, validUntilMs: Number.POSITIVE_INFINITY },
  limits,
  ...more,
});

let store: FarStore;
let quota: TenantQuota;
let isLedgerAway: boolean;
let ledgerHas: number;
let booked: Decision[];
let shadowed: (readonly string[])[];
let overAdmitted: OverAdmission[];

beforeEach(() => {
  [now.wall, now.monotonic] = [Date.UTC(2026, 10, 24, 12), 1_000];
  store = new FarStore(clock.wallMs);
  quota = quotaWith([limit('day', 10)]);
  isLedgerAway = false;
  ledgerHas = 0;
  [booked, shadowed, overAdmitted] = [[], [], []];
});

interface Mode {
  readonly policy?: StoreErrorPolicy;
  readonly refusesUnknown?: boolean;
  readonly isLeased?: boolean;
}

function admissionWith({ policy = 'deny', refusesUnknown = false, isLeased = false }: Mode = {}): Admission {
  const observer = {
    ...silentObserver,
    shadowDenied: (names: readonly string[]) => void shadowed.push(names),
    overAdmitted: (over: OverAdmission) => void overAdmitted.push(over),
  };
  const storeClock = new StoreClock(clock, observer);
  const guarded = new TurnBatch({ store: new StoreGuard({ store, storeClock, clock, observer }), storeClock, clock });
  const rehydration = new Rehydration({
    sumCharges: async (queries) => {
      if (isLedgerAway) throw new TallygateError('ledger_unavailable', 'away');
      return queries.map(() => ledgerHas);
    },
    flushCharges: async () => undefined,
    generation: () => guarded.generation,
    flushIntervalMs: 5_000,
    clock,
  });
  return new Admission({
    quotaOf: () => quota,
    ...{ store: guarded, localStore: memoryCounterStore(clock), storeClock, rehydration },
    leases: isLeased ? new LeasePool({ store: guarded, clock, observer }) : undefined,
    ...{ policy, refusesUnknown, remembersDenials: true, timeoutMs: 250, clock, observer },
    onStoreFailure: () => undefined,
    onDecision: (decision) => booked.push(decision),
  });
}

const AWAY = new TallygateError('counter_store_unavailable', 'away');
const outcomes = (decisions: readonly Decision[]) => decisions.map(({ outcome }) => outcome);

describe('limits that refuse nothing', () => {
  test('soft: the request passes, and what is above the limit is its overage', async () => {
    quota = quotaWith([limit('hour', 3, 'soft'), limit('day', 10)]);
    const admission = admissionWith();
    await admission.decide('acme', 2);
    expect(await admission.decide('acme', 4)).toMatchObject({
      ...{ outcome: 'admitted', overage: 3, settingsVersion: 12 },
      limits: [
        { name: 'hour', used: 6, remaining: 0, violated: true },
        { name: 'day', used: 6, violated: false },
      ],
    });
    expect(await admission.decide('acme', 5)).toMatchObject({ outcome: 'denied', overage: 0 });
    expect(shadowed).toEqual([]);
  });

  test('shadow: the request passes, and who would have refused it is told', async () => {
    quota = quotaWith([limit('hour', 1, 'shadow'), limit('day', 2)]);
    const admission = admissionWith();
    for (const outcome of ['admitted', 'admitted', 'denied'])
      expect((await admission.decide('acme', 1)).outcome).toBe(outcome);
    expect(shadowed).toEqual([['hour']]);
  });

  test('a cost above a soft or shadow limit alone is no 422', async () => {
    quota = quotaWith([limit('hour', 3, 'soft'), limit('day', 3, 'shadow')]);
    expect((await admissionWith().decide('acme', 9)).outcome).toBe('admitted');
  });
});

test('a cost above a hard limit is refused without asking anybody', async () => {
  quota = quotaWith([limit('hour', 3), limit('day', 10)]);
  expect(await admissionWith().decide('acme', 4)).toMatchObject({
    outcome: 'cost_exceeds_limit',
    exceeded: [{ name: 'hour' }],
  });
  expect(store.requests).toEqual([]);
});

test('a tenant that nobody knows is refused where such are, and counted by the default plan elsewhere', async () => {
  quota = quotaWith([limit('day', 10)], { known: false });
  expect(await admissionWith({ refusesUnknown: true }).decide('acme', 1)).toMatchObject({
    outcome: 'unknown_tenant',
    allowed: false,
  });
  expect(store.requests).toEqual([]);
  expect((await admissionWith().decide('acme', 1)).outcome).toBe('admitted');
});

test('a threshold is told by the name of its limit, once', async () => {
  quota = quotaWith([limit('hour', 100, 'soft', 'burst'), limit('day', 10)]);
  const admission = admissionWith();
  const crossed: unknown[] = [];
  for (const cost of [7, 1, 1, 1]) crossed.push((await admission.decide('acme', cost)).crossed);
  expect(crossed).toEqual([[], [{ name: 'day', level: 80 }], [], [{ name: 'day', level: 100 }]]);
});

describe('a sliding limit', () => {
  test('refuses with the instant at which the cost fits, and takes no lease', async () => {
    quota = quotaWith([limit({ seconds: 10 }, 5)]);
    const admission = admissionWith({ isLeased: true });
    await admission.decide('acme', 2);
    pass(3_000);
    await admission.decide('acme', 3);
    const refused = await admission.decide('acme', 2);
    expect(refused.limits[0]?.fitsAtMs).toBe(now.wall - 3_000 + 11_000);
    expect(store.requests.every(({ take }) => take === undefined)).toBe(true);
  });
});

describe('a denial is remembered', () => {
  test('for as large a cost, under the same settings, for half a second; and booked as often as it is given', async () => {
    const admission = admissionWith();
    await admission.decide('acme', 9);
    expect((await admission.decide('acme', 2)).outcome).toBe('denied');
    const asked = store.requests.length;
    expect(await admission.decide('acme', 3)).toMatchObject({ outcome: 'denied', cost: 3, limits: [{ used: 9 }] });
    expect(store.requests).toHaveLength(asked);
    expect(booked).toHaveLength(3);
    // A smaller cost may fit, and what it finds is newer.
    expect((await admission.decide('acme', 1)).outcome).toBe('admitted');
    await admission.decide('acme', 2);
    pass(500);
    await admission.decide('acme', 2);
    expect(store.requests).toHaveLength(asked + 3);
    quota = quotaWith([limit('day', 20)]);
    expect((await admission.decide('acme', 2)).outcome).toBe('admitted');
  });

  test('not for a look, nor for a reservation', async () => {
    const admission = admissionWith();
    await admission.decide('acme', 10);
    await admission.decide('acme', 1);
    store.tenants.get('acme')?.charge({ costs: [], windows: [], resetNumber: 1 }, now.wall);
    const asked = store.requests.length;
    await admission.look('acme');
    await admission.decide('acme', 1, { reserve: { id: 'r', ttlMs: 1_000 } });
    expect(store.requests).toHaveLength(asked + 2);
  });
});

describe('a reset', () => {
  test('that another process knows first is labelled, and its counts are what the floors are about', async () => {
    const [first, second] = [admissionWith(), admissionWith()];
    await first.decide('acme', 10);
    quota = { ...quota, resetNumber: 77 };
    expect(await second.decide('acme', 4)).toMatchObject({ outcome: 'admitted', label: { resetNumber: 77 } });
    quota = { ...quota, resetNumber: 0 };
    // This process has not loaded it yet, and remembers ten units from before.
    store.generation += 1;
    expect(await first.decide('acme', 1)).toMatchObject({
      ...{ outcome: 'admitted', label: { resetNumber: 77 } },
      limits: [{ used: 5 }],
    });
  });
});

describe('leased', () => {
  beforeEach(() => {
    quota = quotaWith([limit('day', 800)]);
  });

  /** Requests at once, until the process has a block. */
  async function withBlock(admission: Admission): Promise<number> {
    for (let request = 0; request < 40; request += 1) {
      await admission.decide('acme', 1);
      pass(10);
      const { take = 0 } = store.last;
      if (take > 20) return take;
    }
    throw new Error('expected a block by now');
  }

  test('a request that a block pays for is a value, and nobody is asked', async () => {
    const admission = admissionWith({ isLeased: true });
    await withBlock(admission);
    const asked = store.requests.length;
    const decision = admission.decide('acme', 1);
    expect(decision).not.toBeInstanceOf(Promise);
    expect(await decision).toMatchObject({ outcome: 'admitted', limits: [{ name: 'day', limit: 800 }] });
    expect(store.requests).toHaveLength(asked);
  });

  test('exactly the limit is admitted in the end, however the blocks were cut', async () => {
    const admission = admissionWith({ isLeased: true });
    let admitted = 0;
    for (let request = 0; request < 1_500; request += 1) {
      const decision = await admission.decide('acme', 1);
      if (decision.allowed) admitted += 1;
      expect(decision.limits[0]?.used).toBeLessThanOrEqual(800);
      pass(2);
    }
    expect(admitted).toBe(800);
  });

  test('other settings end the lease in the same turn', async () => {
    const admission = admissionWith({ isLeased: true });
    await withBlock(admission);
    quota = quotaWith([limit('day', 5)]);
    expect((await admission.decide('acme', 1)).outcome).toBe('denied');
  });

  test('what was spent of a block is known when the store goes away: the policy local lets it pass once only', async () => {
    const admission = admissionWith({ isLeased: true, policy: 'local' });
    await withBlock(admission);
    const block = store.tenants.get('acme')?.fixed('day')?.held ?? 0;
    for (let request = 0; request < block; request += 1)
      expect(admission.decide('acme', 1)).not.toBeInstanceOf(Promise);
    let admitted = booked.length;
    store.failure = AWAY;
    store.generation += 1;
    isLedgerAway = true;
    for (let request = 0; request < 1_000; request += 1) if ((await admission.decide('acme', 1)).allowed) admitted += 1;
    expect(block).toBeGreaterThan(20);
    expect(admitted).toBe(800);
  });

  test('a request that takes and fails does not keep the tenant from taking again', async () => {
    const admission = admissionWith({ isLeased: true, policy: 'allow' });
    await withBlock(admission);
    pass(2_000);
    store.failure = AWAY;
    await admission.decide('acme', 1);
    store.failure = undefined;
    await withBlock(admission);
  });
});

describe('while the store does not answer', () => {
  test('local: the process lets pass what the limit leaves of what it last knew, and is as exact as that', async () => {
    const admission = admissionWith({ policy: 'local' });
    await admission.decide('acme', 6);
    store.failure = AWAY;
    const decisions: Decision[] = [];
    for (const cost of [1, 2, 2, 1, 1]) decisions.push(await admission.decide('acme', cost));
    expect(outcomes(decisions)).toEqual(['unconfirmed', 'unconfirmed', 'denied', 'unconfirmed', 'denied']);
  });

  test('local: of a sliding limit, what was seen counts until it has left', async () => {
    quota = quotaWith([limit({ seconds: 10 }, 10)]);
    const admission = admissionWith({ policy: 'local' });
    await admission.decide('acme', 6);
    store.failure = AWAY;
    expect(outcomes([await admission.decide('acme', 4)])).toEqual(['unconfirmed']);
    const denied = await admission.decide('acme', 1);
    expect(denied).toMatchObject({ outcome: 'denied', limits: [{ used: 10, violated: true }] });
    pass(11_000);
    expect(outcomes([await admission.decide('acme', 10)])).toEqual(['unconfirmed']);
  });

  test('local: what was let pass is in the counters when it answers again', async () => {
    const admission = admissionWith({ policy: 'local' });
    await admission.decide('acme', 6);
    store.failure = AWAY;
    await admission.decide('acme', 4);
    // Meanwhile another process, which still reached the store.
    store.tenants.get('acme')?.charge({ costs: [3], windows: store.requests[0]?.windows ?? [] }, now.wall);
    [store.failure, store.generation] = [undefined, store.generation + 1];
    const decision = await admission.decide('acme', 1);
    expect(decision).toMatchObject({ outcome: 'denied', limits: [{ used: 10 }] });
    expect(overAdmitted).toEqual([]);
  });

  test('what was let pass though the store is well, as the process stood still, is in the counters with the next call', async () => {
    const admission = admissionWith({ policy: 'local' });
    await admission.decide('acme', 3);
    pass(5_000);
    await admission.decide('acme', 3);
    // No reconnect, no timeout of the store: it was not asked.
    store.failure = AWAY;
    expect((await admission.decide('acme', 4)).outcome).toBe('unconfirmed');
    store.failure = undefined;
    expect(await admission.decide('acme', 1)).toMatchObject({ outcome: 'denied', limits: [{ used: 10 }] });
  });

  test('local: a denial of the process’s own counters brought no floor to the store', async () => {
    const day = Date.UTC(2026, 10, 24);
    // Another process, before the ledger was full: a lagging replica.
    await admissionWith().decide('acme', 3);
    ledgerHas = 10;
    store.failure = AWAY;
    const admission = admissionWith({ policy: 'local' });
    expect((await admission.decide('acme', 1)).outcome).toBe('denied');
    store.failure = undefined;
    expect((await admission.decide('acme', 1)).outcome).toBe('denied');
    expect(store.last.floors).toEqual([{ start: day, used: 10 }]);
  });

  test('allow: everything passes, and what is above the limit is measured afterwards', async () => {
    const admission = admissionWith({ policy: 'allow' });
    await admission.decide('acme', 6);
    store.failure = AWAY;
    for (const cost of [5, 5]) expect((await admission.decide('acme', cost)).outcome).toBe('unconfirmed');
    [store.failure, store.generation] = [undefined, store.generation + 1];
    expect((await admission.decide('acme', 1)).outcome).toBe('denied');
    expect(overAdmitted).toEqual([{ tenantId: 'acme', limit: 'day', units: 6 }]);
  });

  test('of what several processes let pass above a limit each tells no more than its own', async () => {
    const admission = admissionWith({ policy: 'allow' });
    await admission.decide('acme', 6);
    store.failure = AWAY;
    await admission.decide('acme', 5);
    // What another one let pass is in the ledger.
    ledgerHas = 18;
    [store.failure, store.generation] = [undefined, store.generation + 1];
    expect(await admission.decide('acme', 1)).toMatchObject({ outcome: 'denied', limits: [{ used: 18 }] });
    expect(overAdmitted).toEqual([{ tenantId: 'acme', limit: 'day', units: 5 }]);
  });

  test('no policy refuses a tenant whose limits refuse nothing', async () => {
    quota = quotaWith([limit('day', 1, 'soft'), limit('hour', 1, 'shadow')]);
    store.failure = AWAY;
    for (const policy of ['deny', 'local', 'allow'] as const)
      expect((await admissionWith({ policy }).decide('acme', 5)).outcome).toBe('unconfirmed');
  });
});
