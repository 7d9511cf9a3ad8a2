// The windows that a decision is sent with, held to the runtime's own zone data read as text: where clocks change, where dates
// are skipped, around leap days, with billing months from the 29th to the 31st. The oracle shares nothing with the calendar.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CalendarUnit, periodAt, type TenantCalendar } from '../time/calendar.js';
import type { EffectiveLimit } from './limit.js';
import { isFixedWindow, type PlannedFixed, planWindows } from './windows.js';

const STEP = 900_000;
const DAY = 86_400_000;
const UNITS = ['day', 'week', 'month'] as const;
const LIMITS: readonly EffectiveLimit[] = [
  { name: 'burst', limit: 5, window: { seconds: 10 }, enforce: 'hard', source: 'plan' },
  ...(['minute', 'hour', ...UNITS] as const).map(
    (window): EffectiveLimit => ({ name: window, limit: 9, window, enforce: 'hard', source: 'plan' }),
  ),
];

// Each with a reason to be there, and 200 days around it.
const SPANS: readonly [zone: string, around: string, reason: string][] = [
  ['UTC', '2024-02-29', 'a leap day'],
  ['UTC', '2100-02-28', 'a year divisible by four without a leap day'],
  ['Europe/Berlin', '2024-02-29', 'a leap day and a day of 23 hours'],
  ['Europe/Berlin', '2023-10-29', 'a day of 25 hours'],
  ['America/New_York', '2023-03-12', 'a month of 28 days and a day of 23 hours'],
  ['Pacific/Apia', '2011-12-30', 'a skipped date, a skipped 30th'],
  ['Pacific/Kwajalein', '1993-08-21', 'a skipped date'],
  ['Pacific/Kiritimati', '1994-12-31', 'a skipped last day of a year, a skipped 31st'],
  ['America/Sao_Paulo', '2018-02-18', 'clocks that go back to the date before'],
  ['America/Sao_Paulo', '2018-11-04', 'a skipped midnight'],
  ['Asia/Beirut', '2024-03-31', 'a skipped midnight on a 31st'],
  ['America/Havana', '2024-11-03', 'a midnight that comes twice'],
  ['America/St_Johns', '2006-10-29', 'clocks that go back a minute after midnight'],
  ['Australia/Lord_Howe', '2024-10-06', 'clocks that change by half an hour'],
  ['Antarctica/Troll', '2024-03-31', 'clocks that change by two hours'],
  ['Africa/Casablanca', '2024-03-10', 'clocks that change with Ramadan'],
  ['Asia/Kathmandu', '1986-01-01', 'an offset that changes by a quarter of an hour'],
];

interface OracleDay {
  readonly date: string;
  readonly start: number;
}

/** Days by what the zone's clocks show every quarter of an hour: one begins when they first show a date later than all before. */
function shownDays(timeZone: string, around: string): OracleDay[] {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const begin = Date.parse(around) - 100 * DAY;
  const days: OracleDay[] = [];
  for (let at = begin; at < begin + 200 * DAY; at += STEP) {
    const date = format.format(at);
    if (date > (days.at(-1)?.date ?? '')) days.push({ date, start: at });
  }
  // The first had begun before.
  return days.slice(1);
}

/** What all dates of one week, or of one billing month, have in common, and no others. */
function labelOf(unit: CalendarUnit, date: string, anchor: number): string {
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  if (unit === 'day') return date;
  if (unit === 'week') return String(Math.floor((Date.UTC(year, month - 1, day) / DAY + 3) / 7));
  const lastOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const begun = day >= Math.min(anchor, lastOfMonth);
  return new Date(Date.UTC(year, month - (begun ? 1 : 2), 1)).toISOString().slice(0, 7);
}

interface OracleWindow {
  readonly start: number;
  readonly first: string;
  readonly last: string;
}

/** The windows of a unit that lie whole in the days, and the one after them, whose last date is not known. */
function shownWindows(unit: CalendarUnit, days: readonly OracleDay[], anchor: number): OracleWindow[] {
  const windows: { start: number; first: string; last: string; label: string }[] = [];
  for (const { date, start } of days) {
    const label = labelOf(unit, date, anchor);
    const present = windows.at(-1);
    if (present?.label === label) present.last = date;
    else windows.push({ start, first: date, last: date, label });
  }
  // The first may have begun before the days do.
  return windows.slice(1);
}

const fixedOf = (calendar: TenantCalendar, nowMs: number): ReadonlyMap<string, PlannedFixed> =>
  new Map(
    planWindows(LIMITS, calendar, nowMs)
      .windows.filter(isFixedWindow)
      .map((one) => [one.field, one as PlannedFixed]),
  );

describe.each(SPANS)('%s around %s: %s', (timeZone, around) => {
  const days = shownDays(timeZone, around);

  test.each([1, 29, 30, 31])('with months from the %i, windows are those that clocks show, and tile time', (anchor) => {
    const calendar: TenantCalendar = { timeZone, billingAnchorDay: anchor, earlier: [] };
    const compared = { day: 0, week: 0, month: 0 };
    for (const unit of UNITS) {
      const shown = shownWindows(unit, days, anchor);
      for (let index = 1; index + 2 < shown.length; index += 1) {
        const [previous, present, next, following] = shown.slice(index - 1, index + 3) as [
          OracleWindow,
          OracleWindow,
          OracleWindow,
          OracleWindow,
        ];
        const expected = {
          starts: [previous.start, present.start, next.start],
          end: following.start,
          dates: [previous, present, next].map(({ first, last }) => ({ first, last })),
        };
        for (const now of [present.start, next.start - 1]) {
          expect(fixedOf(calendar, now).get(unit)).toMatchObject(expected);
          compared[unit] += 1;
        }
      }
    }
    // Both ends of all windows whose neighbours lie whole in the days.
    expect(compared.day).toBeGreaterThan(380);
    expect(compared.week).toBeGreaterThan(44);
    expect(compared.month).toBeGreaterThanOrEqual(4);
  });
});

// Calendars that change, at most 40 days after the change before: most fall into each other's windows.
const someSetting = fc.record({
  timeZone: fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
  billingAnchorDay: fc.constantFrom(1, 15, 28, 29, 30, 31),
});
const someCalendar = fc
  .record({
    begin: fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) }),
    settings: fc.array(someSetting, { minLength: 1, maxLength: 4 }),
    gaps: fc.array(fc.integer({ min: 0, max: 40 * DAY }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ begin, settings, gaps }) => {
    let until = begin;
    const earlier = settings.slice(0, -1).map((one, index) => {
      until += gaps[index] as number;
      return { ...one, until };
    });
    return { begin, calendar: { ...(settings.at(-1) as (typeof settings)[number]), earlier } };
  });

test('from plan to plan no instant is left out or counted twice, and no date comes twice, whatever changes in between', () => {
  fc.assert(
    fc.property(someCalendar, ({ begin, calendar }) => {
      for (const unit of UNITS) {
        let at = begin - 2 * DAY;
        let before: PlannedFixed | undefined;
        for (let windows = 0; windows < (unit === 'month' ? 8 : 40); windows += 1) {
          const plan = fixedOf(calendar, at).get(unit) as PlannedFixed;
          const dates = plan.dates as NonNullable<PlannedFixed['dates']>;
          expect(plan.starts[1]).toBeLessThanOrEqual(at);
          expect([...plan.starts, plan.end]).toEqual([...plan.starts, plan.end].toSorted((a, b) => a - b));
          expect(dates[0].last < dates[1].first && dates[1].last < dates[2].first).toBe(true);
          if (before !== undefined) {
            expect([plan.starts[0], plan.starts[1], plan.dates?.[0], plan.dates?.[1]]).toEqual([
              before.starts[1],
              before.starts[2],
              before.dates?.[1],
              before.dates?.[2],
            ]);
            expect(plan.starts[2]).toBe(before.end);
          }
          // Days are whole in it: the ledger sums it by its dates.
          expect([
            periodAt('day', plan.starts[1], calendar).firstDate,
            periodAt('day', plan.starts[2] - 1, calendar).firstDate,
          ]).toEqual([dates[1].first, dates[1].last]);
          before = plan;
          at = plan.starts[2];
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('minutes and hours are those of UTC in every zone, whatever the clocks show', () => {
  fc.assert(
    fc.property(someCalendar, fc.nat(90 * DAY), ({ begin, calendar }, gap) => {
      const planned = fixedOf(calendar, begin + gap);
      for (const [field, size] of [
        ['minute', 60_000],
        ['hour', 3_600_000],
      ] as const) {
        const start = Math.floor((begin + gap) / size) * size;
        expect(planned.get(field)).toMatchObject({
          starts: [start - size, start, start + size],
          end: start + 2 * size,
        });
      }
    }),
    { numRuns: 200 },
  );
});
