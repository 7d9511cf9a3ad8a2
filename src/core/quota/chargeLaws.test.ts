// Laws of the counters over random histories: of requests, of clocks that disagree, of changes of zone.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dateAt, type TenantCalendar } from '../time/calendar.js';
import { type ChargeWindow, charge, type StoredWindow } from './charge.js';
import type { EffectiveLimit } from './limit.js';
import { planWindows } from './windows.js';

type Counters = ReadonlyMap<string, StoredWindow>;

/** The windows of a caller whose clock shows `now`: each is `size` long. */
const windowAt = (field: string, limit: number | undefined, size: number, now: number): ChargeWindow => {
  const start = Math.floor(now / size) * size;
  return { field, limit, starts: [start - size, start, start + size], end: start + 2 * size, fromLedger: false };
};

const someLimit = fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined });
const someSteps = fc.array(fc.record({ wait: fc.nat(8), skew: fc.integer({ min: -30, max: 30 }), cost: fc.nat(12) }), {
  maxLength: 120,
});

test('what is granted in a window never exceeds its limit, over callers whose clocks disagree', () => {
  fc.assert(
    fc.property(someLimit, someLimit, someSteps, (short, long, steps) => {
      let counters: Counters = new Map();
      let time = 1000;
      const granted = new Map<string, number>();
      for (const { wait, skew, cost } of steps) {
        time += wait;
        const windows = [windowAt('short', short, 10, time + skew), windowAt('long', long, 70, time + skew)];
        const { reply, writes } = charge(counters, { tenantId: 't', cost, windows }, time);
        counters = new Map([...counters, ...writes]);
        if (reply.outcome !== 'granted') continue;
        for (const [index, counted] of reply.windows.entries()) {
          const key = `${index} ${counted.start}`;
          const sum = (granted.get(key) ?? 0) + cost;
          granted.set(key, sum);
          expect(counted.used).toBe(sum);
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
    floor: someFloor,
  }),
  { selector: (window) => window.field, minLength: 1 },
);
const someCounters = fc
  .dictionary(fc.constantFrom('a', 'b', 'c'), someCounter)
  .map(
    (all): Counters =>
      new Map(Object.entries(all).map(([field, { length, ...one }]) => [field, { ...one, end: one.start + length }])),
  );

test('all or nothing: a grant adds the cost to every window, anything else adds it to none', () => {
  fc.assert(
    fc.property(someCounters, someWindows, fc.nat(25), fc.nat(35), (counters, windows, cost, time) => {
      const request = { tenantId: 't', cost, windows };
      const look = charge(counters, { ...request, cost: 0 }, time);
      const { reply, writes } = charge(counters, request, time);
      expect(look.writes.size).toBe(0);
      if (!('windows' in reply) || !('windows' in look.reply)) {
        expect(reply).toEqual(look.reply);
        expect(writes.size).toBe(0);
        return;
      }
      const added = reply.outcome === 'granted' ? cost : 0;
      expect(reply.windows.map((one) => one.used)).toEqual(look.reply.windows.map((one) => one.used + added));
      const hasRoom = windows.every(
        ({ limit }, index) => limit === undefined || (reply.windows[index]?.used ?? 0) + cost - added <= limit,
      );
      expect(reply.outcome).toBe(hasRoom || cost === 0 ? 'granted' : 'denied');
      for (const [index, { field, floor }] of windows.entries()) {
        const { start, end, used, provisional } = reply.windows[index] as (typeof reply.windows)[number];
        const written = writes.get(field);
        // A denial writes only what a floor has taught it.
        if (reply.outcome === 'denied' && floor?.start !== start) expect(written).toBeUndefined();
        if (written !== undefined) expect(written).toEqual({ start, end, used, provisional });
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
  const raise = (counters: Counters, floor: { start: number; used: number }): Counters => {
    // A limit of 0 denies every cost, so that nothing but the floor is written.
    const window = { field: 'w', limit: 0, starts: [0, 10, 20], end: 30, fromLedger: true, floor } as const;
    return new Map([...counters, ...charge(counters, { tenantId: 't', cost: 1, windows: [window] }, 12).writes]);
  };
  fc.assert(
    fc.property(fc.nat(40), floors, (used, some) => {
      const before: Counters = new Map([['w', { start: 10, end: 20, used, provisional: false }]]);
      const after = some.reduce(raise, before);
      expect([...some].reverse().reduce(raise, before)).toEqual(after);
      expect(some.reduce(raise, after)).toEqual(after);
      const highest = Math.max(used, ...some.filter((floor) => floor.start === 10).map((floor) => floor.used));
      expect(after.get('w')?.used).toBe(highest);
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
    { name: 'day', window: 'day', limit: 10, source: 'plan' },
    { name: 'week', window: 'week', limit: 40, source: 'plan' },
    { name: 'month', window: 'month', limit: 120, source: 'plan' },
  ];
  fc.assert(
    fc.property(setting, steps, (first, some) => {
      let calendar: TenantCalendar = { ...first, earlier: [] };
      // Began before the first request: an older window stands for each limit, so that none is cold.
      const older = { start: 0, end: 1, used: 0, provisional: false };
      let counters: Counters = new Map(limits.map((limit) => [limit.name, older]));
      let time = Date.UTC(2024, 0, 25);
      const byDate = new Map<string, number>();
      for (const { hours, change, cost } of some) {
        time += hours * HOUR;
        if (change !== null) {
          const { timeZone, billingAnchorDay, earlier } = calendar;
          calendar = { ...change, earlier: [...earlier, { timeZone, billingAnchorDay, until: time }] };
        }
        const plan = planWindows(limits, calendar, time);
        const { reply, writes } = charge(counters, { tenantId: 't', cost, windows: plan.windows }, time);
        counters = new Map([...counters, ...writes]);
        if (reply.outcome !== 'granted') continue;
        const date = plan.windows[plan.dayIndex]?.dates?.[reply.windows[plan.dayIndex]?.sent ?? -1]?.first as string;
        expect(date).toBe(dateAt(time, calendar));
        byDate.set(date, (byDate.get(date) ?? 0) + cost);
        expect(byDate.get(date)).toBeLessThanOrEqual(10);
        for (const [index, window] of plan.windows.entries()) {
          const sent = reply.windows[index]?.sent ?? -1;
          const range = window.dates?.[sent] as { first: string; last: string };
          const inRange = [...byDate].filter(([one]) => one >= range.first && one <= range.last);
          // What the ledger would sum over the window's dates is what the counter has.
          expect(inRange.reduce((sum, [, units]) => sum + units, 0)).toBe(reply.windows[index]?.used);
        }
      }
    }),
    { numRuns: 200 },
  );
});
