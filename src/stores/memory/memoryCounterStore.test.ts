import { expect, test } from 'vitest';
import { windowAt } from '../../../test/quota/tenantCounters.js';
import type { ChargeRequest, ChargeWindow, CounterFloor } from '../../core/quota/chargeRequest.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { memoryCounterStore } from './memoryCounterStore.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = 20_000 * DAY;

const windowOf = (field: string, lengthMs: number, nowMs: number, fromLedger: boolean, limit?: number) =>
  windowAt(field, limit, lengthMs, nowMs, { fromLedger });

/** The ledger's word that nothing was used. */
const noneUsed = (windows: readonly ChargeWindow[]): (CounterFloor | undefined)[] =>
  windows.map((window) => ('starts' in window ? { start: window.starts[1], used: 0 } : undefined));

function storeAt(options: { maxTenants?: number; maxLiveTenants?: number }) {
  const clock = { now: START };
  const store = memoryCounterStore({ wallMs: () => clock.now, monotonicMs: () => clock.now }, options);
  const minuteAndDay = () => [
    windowOf('minute', MINUTE, clock.now, false, 5),
    windowOf('day', DAY, clock.now, true, 5),
  ];
  const charge = (
    tenantId: string,
    cost: number,
    windows: ChargeWindow[] = minuteAndDay(),
    floors = noneUsed(windows),
  ) => used(store, { tenantId, costs: [cost], windows, floors, resetNumber: 0 });
  return { store, clock, charge, minuteAndDay };
}

/** What the windows count afterwards, or why nothing was decided. */
function used(store: CounterStore, request: ChargeRequest) {
  const reply = store.charge(request);
  if (reply instanceof Promise) throw new Error('expected a value, got a promise');
  return reply.outcome === 'decided' ? reply.windows.map((window) => window.used + reply.charged) : reply.outcome;
}

test('above its bound it forgets tenants that the ledger gives back, once their minute has ended', () => {
  const { clock, charge, minuteAndDay } = storeAt({ maxTenants: 10 });
  for (let index = 0; index < 10; index += 1) charge(`early-${index}`, 3);
  clock.now += MINUTE;
  for (let index = 0; index < 30; index += 1) charge(`late-${index}`, 1);
  const outcomes = Array.from({ length: 10 }, (_, index) => charge(`early-${index}`, 0, minuteAndDay(), []));
  expect(outcomes.every((outcome) => outcome === 'cold')).toBe(true);
});

test('a live counter is never reset, however many tenants come', () => {
  const { charge } = storeAt({ maxTenants: 10, maxLiveTenants: 100_000 });
  charge('first', 4);
  for (let index = 0; index < 5_000; index += 1) charge(`crowd-${index}`, 1);
  expect(charge('first', 0)).toEqual([4, 4]);
});

test('a tenant whose hour the ledger does not know is kept until the hour has ended', () => {
  const { clock, charge, minuteAndDay } = storeAt({ maxTenants: 10 });
  const withHour = () => [...minuteAndDay(), windowOf('hour', 60 * MINUTE, clock.now, false, 5)];
  charge('hourly', 5, withHour());
  clock.now += 2 * MINUTE;
  for (let index = 0; index < 50; index += 1) charge(`crowd-${index}`, 1);
  expect(charge('hourly', 0, withHour())).toEqual([0, 5, 5]);
});

test('at the last bound a new tenant is refused and a known one is served', () => {
  const { charge } = storeAt({ maxTenants: 2, maxLiveTenants: 3 });
  for (const tenantId of ['a', 'b', 'c']) charge(tenantId, 1);
  expect(() => charge('d', 1)).toThrow(expect.objectContaining({ code: 'counter_store_unavailable' }));
  expect(charge('d', 0)).toEqual([0, 0]);
  expect(charge('a', 1)).toEqual([2, 2]);
});

test('two days after its last window a tenant takes no room any more', () => {
  const { clock, charge } = storeAt({ maxTenants: 1_000, maxLiveTenants: 1_000 });
  for (let index = 0; index < 900; index += 1) charge(`old-${index}`, 1);
  clock.now += 4 * DAY;
  for (let index = 0; index < 900; index += 1) charge(`new-${index}`, 1);
  // Without the sweep there would be 1,800 and the thousandth had been refused.
  expect(charge('one-more', 1)).toEqual([1, 1]);
});

test('a tenant with a reservation is kept until two days after it expired, also when the ledger knows its windows', async () => {
  const { store, clock, charge, minuteAndDay } = storeAt({ maxTenants: 10 });
  const windows = minuteAndDay().slice(1);
  const reserve = { id: 'r', ttlMs: DAY };
  await store.charge({ tenantId: 'kept', costs: [2], windows, floors: noneUsed(windows), resetNumber: 0, reserve });
  clock.now += 2 * DAY;
  for (let index = 0; index < 50; index += 1) charge(`crowd-${index}`, 1);
  const commit = { kind: 'commit', actual: 2 } as const;
  expect(store.finish({ tenantId: 'kept', id: 'r', action: commit })).toMatchObject({
    outcome: 'expired',
    estimate: 2,
  });
  clock.now += 3 * DAY;
  for (let index = 0; index < 50; index += 1) charge(`later-${index}`, 1);
  expect(store.finish({ tenantId: 'kept', id: 'r', action: commit })).toMatchObject({ outcome: 'unknown' });
});

test('two incarnations never have one name, also within a millisecond and after a clock that went back', async () => {
  const { store, clock } = storeAt({});
  const names = new Set<string>();
  for (let index = 0; index < 50; index += 1) {
    if (index === 25) clock.now -= 5;
    const windows = [windowOf('minute', MINUTE, clock.now, false, 5)];
    const reply = await store.charge({ tenantId: 'again', costs: [1], windows, resetNumber: index });
    if (reply.outcome === 'decided') names.add(reply.incarnation);
  }
  expect(names.size).toBe(50);
});

test('a sliding counter that still counts is never forgotten', () => {
  const { clock, charge } = storeAt({ maxTenants: 10 });
  const sliding = { field: 's~60', limit: 5, denies: true, segmentMs: 6_000 };
  charge('sliding', 5, [sliding]);
  for (let second = 0; second < 60; second += 1) {
    clock.now += 1_000;
    for (let index = 0; index < 20; index += 1) charge(`crowd-${index}`, 1);
  }
  expect(charge('sliding', 0, [sliding])).toEqual([5]);
});
