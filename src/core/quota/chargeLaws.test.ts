// Laws of the counters over random histories: of requests, of clocks that disagree, of changes of zone.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { after, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import { dateAt, type TenantCalendar } from '../time/calendar.js';
import { charge } from './charge.js';
import type { ChargeRequest } from './chargeRequest.js';
import type { StoredTenant, StoredWindow } from './counter.js';
import type { EffectiveLimit } from './limit.js';
import { isFixedWindow, planWindows } from './windows.js';

const someLimit = fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined });
const someSteps = fc.array(fc.record({ wait: fc.nat(8), skew: fc.integer({ min: -30, max: 30 }), cost: fc.nat(12) }), {
  maxLength: 120,
});

test('what is granted in a window never exceeds its limit, over callers whose clocks disagree', () => {
  fc.assert(
    fc.property(someLimit, someLimit, someSteps, (short, long, steps) => {
      const counters = new TenantCounters();
      let time = 1000;
      const granted = new Map<string, number>();
      for (const { wait, skew, cost } of steps) {
        time += wait;
        const windows = [windowAt('short', short, 10, time + skew), windowAt('long', long, 70, time + skew)];
        const reply = counters.try({ costs: [cost], windows }, time);
        if (reply.outcome !== 'decided' || reply.granted[0] !== true) continue;
        for (const [index, counted] of reply.windows.entries()) {
          const key = `${index} ${counted.start}`;
          const before = granted.get(key) ?? 0;
          const sum = before + cost;
          granted.set(key, sum);
          expect(counted.used).toBe(before);
          expect(sum).toBeLessThanOrEqual((index === 0 ? short : long) ?? Number.POSITIVE_INFINITY);
        }
      }
    }),
  );
});

const someCounter = fc.record({
  start: fc.constantFrom(-20, 0, 10, 15, 20, 40),
  length: fc.integer({ min: 1, max: 30 }),
  used: fc.nat(20),
  held: fc.nat(20),
  provisional: fc.boolean(),
});
const someFloor = fc.option(fc.record({ start: fc.constantFrom(0, 10, 20), used: fc.nat(20) }), { nil: undefined });
const someWindows = fc.uniqueArray(
  fc.record({
    field: fc.constantFrom('a', 'b', 'c'),
    limit: someLimit,
    starts: fc.constantFrom<[number, number, number]>([0, 10, 20], [-10, 10, 30], [12, 14, 16]),
    end: fc.constantFrom(30, 40),
    fromLedger: fc.boolean(),
    denies: fc.boolean(),
    tellAt: fc.constant(undefined),
    floor: someFloor,
  }),
  { selector: (window) => window.field, minLength: 1 },
);
const someCounters = fc.dictionary(fc.constantFrom('a', 'b', 'c'), someCounter).map(
  (all): StoredTenant => ({
    incarnation: '1',
    resetNumber: 0,
    counters: new Map(
      Object.entries(all).map(([field, { length, ...one }]) => [field, { ...one, told: 0, end: one.start + length }]),
    ),
  }),
);

test('all or nothing: a grant adds the cost to every window, anything else adds it to none', () => {
  fc.assert(
    fc.property(someCounters, someWindows, fc.nat(25), fc.nat(35), (stored, windows, cost, time) => {
      const floors = windows.map((one) => one.floor);
      const request: ChargeRequest = { tenantId: 't', costs: [cost], windows, floors, resetNumber: 0 };
      const look = charge(stored, { ...request, costs: [0] }, time, '2');
      const { reply, writes } = charge(stored, request, time, '2');
      expect(look.writes.counters.size).toBe(0);
      if (reply.outcome !== 'decided' || look.reply.outcome !== 'decided') {
        expect(reply).toEqual(look.reply);
        expect(writes.counters.size).toBe(0);
        return;
      }
      expect(reply.windows).toEqual(look.reply.windows);
      const hasRoom = windows.every(
        ({ limit, denies }, index) =>
          !denies || limit === undefined || (reply.windows[index]?.used ?? 0) + cost <= limit,
      );
      expect(reply.granted).toEqual([hasRoom || cost === 0]);
      const added = reply.granted[0] === true ? cost : 0;
      expect(reply.charged).toBe(added);
      for (const [index, { field, floor }] of windows.entries()) {
        const { start, end, used, held, provisional } = reply.windows[index] as (typeof reply.windows)[number];
        const written = writes.counters.get(field);
        // A denial writes only what a floor has taught it.
        if (added > 0) expect(written).toBeDefined();
        else if (floor?.start !== start) expect(written).toBeUndefined();
        if (written !== undefined)
          expect(written).toEqual({ ...{ start, end, used: used + added, held, provisional }, told: 0 });
      }
    }),
    { numRuns: 2000 },
  );
});

test('floors may come in any order and more than once', () => {
  const floors = fc.array(fc.record({ start: fc.constantFrom(10, 20), used: fc.nat(40) }), {
    minLength: 1,
    maxLength: 5,
  });
  // A limit of 0 denies every cost, so that nothing but the floor is written.
  const windows = [windowAt('w', 0, 10, 12, { fromLedger: true })];
  const raise = (counters: StoredTenant, floor: { start: number; used: number }): StoredTenant =>
    after(
      counters,
      charge(counters, { tenantId: 't', costs: [1], windows, floors: [floor], resetNumber: 0 }, 12, '2').writes,
    );
  fc.assert(
    fc.property(fc.nat(40), floors, (used, some) => {
      const begun: StoredWindow = { start: 10, end: 20, used, held: 0, told: 0, provisional: false };
      const before: StoredTenant = { incarnation: '1', resetNumber: 0, counters: new Map([['w', begun]]) };
      const raised = some.reduce(raise, before);
      expect([...some].reverse().reduce(raise, before)).toEqual(raised);
      expect(some.reduce(raise, raised)).toEqual(raised);
      const highest = Math.max(used, ...some.filter((floor) => floor.start === 10).map((floor) => floor.used));
      expect(raised.counters.get('w')).toEqual({ ...begun, used: highest });
    }),
  );
});

test('changes of zone and anchor, however many, grant no date, week or month more than its limit', () => {
  const HOUR = 3_600_000;
  const zones = ['UTC', 'Pacific/Auckland', 'America/New_York', 'Pacific/Apia', 'Asia/Kathmandu', 'Etc/GMT+12'];
  const setting = fc.record({ timeZone: fc.constantFrom(...zones), billingAnchorDay: fc.integer({ min: 1, max: 31 }) });
  const steps = fc.array(fc.record({ hours: fc.nat(30), change: fc.option(setting, { freq: 3 }), cost: fc.nat(8) }), {
    minLength: 20,
    maxLength: 80,
  });
  const limits: EffectiveLimit[] = [
    { name: 'day', window: 'day', limit: 10, enforce: 'hard', source: 'plan' },
    { name: 'week', window: 'week', limit: 40, enforce: 'hard', source: 'plan' },
    { name: 'month', window: 'month', limit: 120, enforce: 'hard', source: 'plan' },
  ];
  fc.assert(
    fc.property(setting, steps, (first, some) => {
      let calendar: TenantCalendar = { ...first, earlier: [] };
      // Began before the first request: an older window stands for each limit, so that none is cold.
      const older: StoredWindow = { start: 0, end: 1, used: 0, held: 0, told: 0, provisional: false };
      const counters = new TenantCounters();
      counters.stored = {
        ...counters.stored,
        incarnation: '1',
        counters: new Map(limits.map((limit) => [limit.name, older])),
      };
      let time = Date.UTC(2024, 0, 25);
      const byDate = new Map<string, number>();
      for (const { hours, change, cost } of some) {
        time += hours * HOUR;
        if (change !== null) {
          const { timeZone, billingAnchorDay, earlier } = calendar;
          calendar = { ...change, earlier: [...earlier, { timeZone, billingAnchorDay, until: time }] };
        }
        const plan = planWindows(limits, calendar, time);
        const reply = counters.charge({ costs: [cost], windows: plan.windows }, time);
        if (reply.granted[0] !== true) continue;
        const planned = plan.windows.filter(isFixedWindow);
        const date = planned[plan.dayIndex]?.dates?.[reply.windows[plan.dayIndex]?.sent ?? -1]?.first as string;
        expect(date).toBe(dateAt(time, calendar));
        byDate.set(date, (byDate.get(date) ?? 0) + cost);
        expect(byDate.get(date)).toBeLessThanOrEqual(10);
        for (const [index, window] of planned.entries()) {
          const sent = reply.windows[index]?.sent ?? -1;
          const range = window.dates?.[sent] as { first: string; last: string };
          const inRange = [...byDate].filter(([one]) => one >= range.first && one <= range.last);
          // What the ledger would sum over the window's dates is what the counter has.
          expect(inRange.reduce((sum, [, units]) => sum + units, 0)).toBe((reply.windows[index]?.used ?? 0) + cost);
        }
      }
    }),
    { numRuns: 200 },
  );
});
