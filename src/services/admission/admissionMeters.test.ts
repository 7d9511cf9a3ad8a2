// Decisions about requests with costs in several meters: one step over all of them, figures and floors by meter.
import { beforeEach, expect, test } from 'vitest';
import { FarStore } from '../../../test/quota/farStore.js';
import { TenantCounters } from '../../../test/quota/tenantCounters.js';
import { TallygateError } from '../../core/errors.js';
import type { Decision } from '../../core/quota/decision.js';
import type { EffectiveLimit, Enforcement, WindowUnit } from '../../core/quota/limit.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import { type OverAdmission, silentObserver } from '../../ports/observer.js';
import type { ChargeSumQuery } from '../../ports/usageLedger.js';
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
const DAY_START = Date.UTC(2026, 10, 24);
const AWAY = new TallygateError('counter_store_unavailable', 'away');

const limit = (window: WindowUnit, most: number): EffectiveLimit => ({
  ...{ name: window, window, limit: most, enforce: 'hard', source: 'plan' },
});
const tokens = (most: number, enforce: Enforcement = 'hard'): EffectiveLimit => ({
  ...{ name: 'tokens-day', window: 'day', limit: most, enforce, source: 'plan', meter: 'tokens' },
});

let store: FarStore;
let limits: readonly EffectiveLimit[];
let quota: TenantQuota;
let ledger: Map<string, number>;
let asked: ChargeSumQuery[];
let overAdmitted: OverAdmission[];

function admissionOf(isLeased = false): Admission {
  quota = {
    ...{ plan: 'free', planSource: 'plan', hasSetting: true, known: true, calendar: UTC_CALENDAR },
    ...{ resetNumber: 0, version: 1, validUntilMs: Number.POSITIVE_INFINITY, limits },
  };
  const observer = { ...silentObserver, overAdmitted: (over: OverAdmission) => void overAdmitted.push(over) };
  const storeClock = new StoreClock(clock, observer);
  const guarded = new TurnBatch({ store: new StoreGuard({ store, storeClock, clock, observer }), storeClock, clock });
  const rehydration = new Rehydration({
    sumCharges: async (queries) => {
      asked.push(...queries);
      return queries.map(({ meter }) => ledger.get(meter) ?? 0);
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
    ...{ policy: 'local', refusesUnknown: false, remembersDenials: true, timeoutMs: 250, clock, observer },
    onStoreFailure: () => undefined,
    onDecision: () => undefined,
  });
}

beforeEach(() => {
  [now.wall, now.monotonic] = [Date.UTC(2026, 10, 24, 12), 1_000];
  store = new FarStore(clock.wallMs);
  limits = [limit('minute', 10), limit('day', 1_000), tokens(100)];
  [ledger, asked, overAdmitted] = [new Map(), [], []];
});

const withTokens = (units: number) => ({ meterCosts: [{ meter: 'tokens', units }] });
const figures = ({ limits: states }: Decision) => Object.fromEntries(states.map(({ name, used }) => [name, used]));

test('each limit counts its own meter, and a request that one of them refuses charges none', async () => {
  const admission = admissionOf();
  expect(figures(await admission.decide('acme', 1, withTokens(60)))).toEqual({ minute: 1, day: 1, 'tokens-day': 60 });
  const denied = await admission.decide('acme', 1, withTokens(41));
  expect(denied).toMatchObject({ outcome: 'denied', cost: 1, meterCosts: [{ meter: 'tokens', units: 41 }] });
  expect(denied.limits.filter(({ violated }) => violated).map(({ name, meter }) => [name, meter])).toEqual([
    ['tokens-day', 'tokens'],
  ]);
  // A denial of tokens says nothing of a request without any.
  expect(figures(await admission.decide('acme', 1))).toEqual({ minute: 2, day: 2, 'tokens-day': 60 });
  expect(figures(await admission.decide('acme', 0, withTokens(40)))).toEqual({ minute: 2, day: 2, 'tokens-day': 100 });
});

test('what a meter has used comes back from the ledger as its own sum', async () => {
  ledger = new Map([
    ['', 7],
    ['tokens', 70],
  ]);
  expect(figures(await admissionOf().decide('acme', 1))).toEqual({ minute: 1, day: 8, 'tokens-day': 70 });
  expect(asked.map(({ meter }) => meter)).toEqual(['', 'tokens']);
});

test('a cost above a limit of its meter can never pass; a meter that nobody limits does', async () => {
  const admission = admissionOf();
  const never = await admission.decide('acme', 1, withTokens(101));
  expect([never.outcome, never.exceeded.map(({ name }) => name)]).toEqual(['cost_exceeds_limit', ['tokens-day']]);
  const rows = [{ meter: 'rows', units: 5_000 }];
  expect(await admission.decide('acme', 1, { meterCosts: rows })).toMatchObject({ allowed: true, meterCosts: rows });
});

test('what is above a soft limit is overage of its meter', async () => {
  limits = [limit('day', 1_000), tokens(100, 'soft')];
  const admission = admissionOf();
  await admission.decide('acme', 1, withTokens(90));
  expect(await admission.decide('acme', 1, withTokens(30))).toMatchObject({
    ...{ outcome: 'admitted', overage: 0, meterOverages: [{ meter: 'tokens', units: 20 }] },
  });
});

test('a block is spent by requests of own units; one with tokens asks the store, and gives the block nothing', async () => {
  limits = [limit('day', 100_000), tokens(100_000)];
  const admission = admissionOf(true);
  for (let request = 0; request < 150; request += 1) {
    await admission.decide('acme', 1);
    now.wall += 20;
    now.monotonic += 20;
  }
  await admission.decide('acme', 1);
  const calls = store.requests.length;
  await admission.decide('acme', 1);
  expect(store.requests.length).toBe(calls);
  expect(figures(await admission.decide('acme', 0, withTokens(30)))['tokens-day']).toBe(30);
  expect(store.requests.length).toBe(calls + 1);
  expect(figures(await admission.decide('acme', 1))['tokens-day']).toBe(0);
  await admission.decide('acme', 0, withTokens(5));
  expect(store.tenants.get('acme')?.fixed('tokens-day@day#tokens')).toMatchObject({ used: 35, held: 0 });
});

test('while the store is away the process counts on by meter, and says by meter what that cost', async () => {
  const admission = admissionOf();
  await admission.decide('acme', 1, withTokens(60));
  store.failure = AWAY;
  expect((await admission.decide('acme', 1, withTokens(41))).outcome).toBe('denied');
  expect((await admission.decide('acme', 1, withTokens(40))).outcome).toBe('unconfirmed');
  expect((await admission.decide('acme', 0, withTokens(1))).outcome).toBe('denied');
  expect((await admission.decide('acme', 8)).outcome).toBe('unconfirmed');
  store.failure = undefined;
  store.generation += 1;
  // Another process let as much pass meanwhile.
  ledger = new Map([['tokens', 140]]);
  const back = await admission.decide('acme', 0, withTokens(1));
  expect([back.outcome, figures(back)['tokens-day'], figures(back).day]).toEqual(['denied', 140, 10]);
  expect(overAdmitted).toEqual([{ tenantId: 'acme', limit: 'tokens-day', units: 40 }]);
});

test('a cost in a meter that nobody limits raises no counter: the next charge carries what the ledger knows all the same', async () => {
  limits = [limit('day', 10)];
  ledger = new Map([['', 8]]);
  await admissionOf().decide('acme', 1);
  const windows = store.requests.at(-1)?.windows ?? [];
  // A replica that lags took over: the day's counter is there, and lower than what the ledger has.
  const lagging = new TenantCounters();
  lagging.charge({ costs: [2], windows, floors: windows.map(() => ({ start: DAY_START, used: 0 })) }, now.wall);
  store.tenants.set('acme', lagging);
  const admission = admissionOf();
  const rows = { meterCosts: [{ meter: 'rows', units: 5_000 }] };
  expect((await admission.decide('acme', 0, rows)).outcome).toBe('admitted');
  expect((await admission.decide('acme', 3)).outcome).toBe('denied');
  expect((await admission.decide('acme', 2)).outcome).toBe('admitted');
});

test('nor is the ledger asked at each of them', async () => {
  limits = [limit('day', 10)];
  const admission = admissionOf();
  for (let request = 0; request < 5; request += 1) {
    await admission.decide('acme', 0, { meterCosts: [{ meter: 'rows', units: 1 }] });
  }
  expect(asked.length).toBe(1);
});

test('a reservation in a meter that nobody limits is found again by its commit', async () => {
  limits = [limit('day', 10)];
  const rows = [{ meter: 'rows', units: 5 }];
  const reserve = { id: 'r1', ttlMs: 60_000 };
  expect((await admissionOf().decide('acme', 0, { meterCosts: rows, reserve })).allowed).toBe(true);
  const commit = { kind: 'commit', actual: 0, meterActuals: [{ meter: 'rows', units: 7 }] } as const;
  const reply = await store.finish({ tenantId: 'acme', id: 'r1', action: commit });
  expect(reply).toMatchObject({ outcome: 'committed', meterEstimates: rows });
  expect(store.tenants.get('acme')?.fixed('day')).toMatchObject({ used: 0, held: 0 });
});
