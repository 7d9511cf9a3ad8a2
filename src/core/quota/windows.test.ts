import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { periodAt, type TenantCalendar, UTC_CALENDAR } from '../time/calendar.js';
import { type EffectiveLimit, isCalendarUnit, isSliding, type LimitWindow, WINDOW_UNITS } from './limit.js';
import { fieldOf, isFixedWindow, type PlannedFixed, type PlannedWindow, planWindows } from './windows.js';

const limit = (name: string, window: LimitWindow, most: number | 'unlimited' = 10): EffectiveLimit => ({
  ...{ name, window, limit: most },
  enforce: 'hard',
  source: 'plan',
});
/** What every window of `limit` has. */
const OF_TEN = { limit: 10, denies: true, tellAt: 8 };
const at = (text: string): number => Date.parse(text);
const BERLIN: TenantCalendar = { timeZone: 'Europe/Berlin', billingAnchorDay: 15, earlier: [] };

test.each<[string, LimitWindow, string]>([
  ['minute', 'minute', 'minute'],
  ['month', 'month', 'month'],
  ['burst', 'minute', 'burst@minute'],
  ['burst', 'day', 'burst@day'],
  ['burst', { seconds: 10 }, 'burst~10'],
])('a limit named %s on %j is counted in the field %s', (name, window, field) => {
  expect(fieldOf({ name, window })).toBe(field);
});

describe('planWindows', () => {
  test('minutes and hours are aligned to UTC, whatever the zone', () => {
    const kathmandu = { ...BERLIN, timeZone: 'Asia/Kathmandu' };
    const plan = planWindows(
      [limit('minute', 'minute'), limit('hour', 'hour')],
      kathmandu,
      at('2024-06-10T10:30:30.5Z'),
    );
    expect(plan.windows.slice(0, 2)).toEqual([
      {
        field: 'minute',
        ...OF_TEN,
        starts: [at('2024-06-10T10:29Z'), at('2024-06-10T10:30Z'), at('2024-06-10T10:31Z')],
        end: at('2024-06-10T10:32Z'),
        fromLedger: false,
        dates: undefined,
      },
      {
        field: 'hour',
        ...OF_TEN,
        starts: [at('2024-06-10T09:00Z'), at('2024-06-10T10:00Z'), at('2024-06-10T11:00Z')],
        end: at('2024-06-10T12:00Z'),
        fromLedger: false,
        dates: undefined,
      },
    ]);
    expect(plan.validUntilMs).toBe(at('2024-06-10T10:31Z'));
  });

  test('days, weeks and months are the tenant’s, with the dates by which the ledger knows them', () => {
    const limits = [limit('day', 'day'), limit('week', 'week'), limit('month', 'month')];
    expect(planWindows(limits, BERLIN, at('2024-03-31T12:00Z')).windows).toEqual([
      {
        field: 'day',
        ...OF_TEN,
        starts: [at('2024-03-29T23:00Z'), at('2024-03-30T23:00Z'), at('2024-03-31T22:00Z')],
        end: at('2024-04-01T22:00Z'),
        fromLedger: true,
        dates: [
          { first: '2024-03-30', last: '2024-03-30' },
          { first: '2024-03-31', last: '2024-03-31' },
          { first: '2024-04-01', last: '2024-04-01' },
        ],
      },
      {
        field: 'week',
        ...OF_TEN,
        starts: [at('2024-03-17T23:00Z'), at('2024-03-24T23:00Z'), at('2024-03-31T22:00Z')],
        end: at('2024-04-07T22:00Z'),
        fromLedger: true,
        dates: [
          { first: '2024-03-18', last: '2024-03-24' },
          { first: '2024-03-25', last: '2024-03-31' },
          { first: '2024-04-01', last: '2024-04-07' },
        ],
      },
      {
        field: 'month',
        ...OF_TEN,
        starts: [at('2024-02-14T23:00Z'), at('2024-03-14T23:00Z'), at('2024-04-14T22:00Z')],
        end: at('2024-05-14T22:00Z'),
        fromLedger: true,
        dates: [
          { first: '2024-02-15', last: '2024-03-14' },
          { first: '2024-03-15', last: '2024-04-14' },
          { first: '2024-04-15', last: '2024-05-14' },
        ],
      },
    ]);
  });

  test('the day travels unlimited, behind the limits, where none of them counts in it', () => {
    const now = at('2024-03-31T12:00Z');
    const plan = planWindows([limit('minute', 'minute'), limit('daily', 'day'), limit('month', 'month')], BERLIN, now);
    expect(plan.windows.map((one) => one.field)).toEqual(['minute', 'daily@day', 'month', 'day']);
    expect(plan.windows[3]).toEqual({
      ...plan.windows[1],
      ...{ field: 'day', limit: undefined, denies: false, tellAt: undefined },
    });
    expect(plan.dayIndex).toBe(3);
    expect(planWindows([], BERLIN, now)).toMatchObject({ windows: [{ field: 'day', limit: undefined }], dayIndex: 0 });
  });

  test('a limit on the day is the day that travels, and unlimited is no number', () => {
    const plan = planWindows([limit('minute', 'minute', 0), limit('day', 'day', 'unlimited')], UTC_CALENDAR, 0);
    expect(plan.windows.map((one) => [one.field, one.limit])).toEqual([
      ['minute', 0],
      ['day', undefined],
    ]);
    expect(plan.dayIndex).toBe(1);
  });

  test('a change of zone makes the present window longer, and the plan valid no longer than its shortest window', () => {
    const calendar: TenantCalendar = {
      timeZone: 'America/New_York',
      billingAnchorDay: 1,
      earlier: [{ timeZone: 'Pacific/Auckland', billingAnchorDay: 1, until: at('2024-06-10T00:00Z') }],
    };
    const plan = planWindows([], calendar, at('2024-06-11T03:00Z'));
    expect(fixedOf(plan.windows)[0]?.starts).toEqual([
      at('2024-06-08T12:00Z'),
      at('2024-06-09T12:00Z'),
      at('2024-06-11T04:00Z'),
    ]);
    expect(plan.validUntilMs).toBe(at('2024-06-11T04:00Z'));
  });
});

test('the present window holds now, the others lie beside it, and no window ends while the plan is valid', () => {
  const calendar = fc.record({
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia', 'America/Sao_Paulo', 'Asia/Kathmandu'),
    billingAnchorDay: fc.integer({ min: 1, max: 31 }),
    earlier: fc.constant([]),
  });
  const limits = fc.subarray([...WINDOW_UNITS]).map((units) => units.map((unit) => limit(unit, unit)));
  const now = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) });
  fc.assert(
    fc.property(limits, calendar, now, (some, tenant, nowMs) => {
      const plan = planWindows(some, tenant, nowMs);
      expect(plan.windows[plan.dayIndex]).toMatchObject({ field: 'day' });
      expect(plan.windows.slice(0, some.length).map((one) => one.field)).toEqual(some.map(fieldOf));
      for (const [index, window] of fixedOf(plan.windows).entries()) {
        const [previous, present, next] = window.starts;
        expect(previous < present && present <= nowMs && nowMs < next && next < window.end).toBe(true);
        expect(plan.validUntilMs).toBeLessThanOrEqual(next);
        const unit = some[index]?.window ?? 'day';
        if (!isSliding(unit) && isCalendarUnit(unit)) expect(next).toBe(periodAt(unit, nowMs, tenant).end);
      }
      const later = planWindows(some, tenant, plan.validUntilMs - 1);
      expect(later).toEqual(plan);
      expect(startsOf(planWindows(some, tenant, plan.validUntilMs).windows)).not.toEqual(startsOf(plan.windows));
    }),
    { numRuns: 500 },
  );
});

test.each<[EffectiveLimit['enforce'], number | 'unlimited', boolean, number | undefined]>([
  // enforce, limit: whether it denies, from which count the first threshold is told of
  ['hard', 10, true, 8],
  ['soft', 10, false, 8],
  ['shadow', 10, false, 8],
  ['hard', 'unlimited', false, undefined],
  // Four fifths, rounded up; the second threshold is the limit itself.
  ['hard', 1, true, 1],
  ['hard', 7, true, 6],
  ['hard', Number.MAX_SAFE_INTEGER, true, 7_205_759_403_792_793],
  ['hard', 0, true, undefined],
])('a %s limit of %s denies: %s, and tells from %s on', (enforce, most, denies, tellAt) => {
  const plan = planWindows([{ ...limit('minute', 'minute', most), enforce }], UTC_CALENDAR, 0);
  expect(plan.windows[0]).toMatchObject({ denies, tellAt });
});

describe('a sliding window', () => {
  const sliding = [limit('burst', { seconds: 15 }), limit('minute', 'minute')];

  test('travels as the length of a segment: the store alone knows where it begins', () => {
    const [window] = planWindows(sliding, UTC_CALENDAR, 1_234_567).windows;
    expect(window).toEqual({ field: 'burst~15', limit: 10, denies: true, segmentMs: 1_500 });
  });

  test('forbids leases, bounds no plan, and is not asked of the ledger', () => {
    const now = at('2024-03-31T12:00:30Z');
    const plan = planWindows(sliding, BERLIN, now);
    expect(plan).toMatchObject({ isFixed: false, asksLedger: false, dayIndex: 2 });
    expect(plan.validUntilMs).toBe(at('2024-03-31T12:01Z'));
    expect(planWindows([limit('minute', 'minute')], BERLIN, now)).toMatchObject({ isFixed: true, asksLedger: false });
    expect(planWindows([...sliding, limit('day', 'day')], BERLIN, now).asksLedger).toBe(true);
  });
});

const fixedOf = (windows: readonly PlannedWindow[]): PlannedFixed[] => windows.filter(isFixedWindow);
const startsOf = (windows: readonly PlannedWindow[]): number[] => fixedOf(windows).map((window) => window.starts[1]);
