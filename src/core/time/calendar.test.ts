// Exact days, weeks and months of calendars that never changed. What a change does is in eras.test.ts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CalendarUnit, dateAt, dayOf, periodAt, type TenantCalendar, UTC_CALENDAR } from './calendar.js';

const HOUR = 3_600_000;
const calendarOf = (timeZone: string, billingAnchorDay = 1): TenantCalendar => ({
  timeZone,
  billingAnchorDay,
  earlier: [],
});

describe('a day of', () => {
  test.each([
    // The plain case, and one where the date differs from UTC's for half of the day.
    ['UTC', '2024-02-29', '2024-02-29T00:00:00Z', 24],
    ['Asia/Kolkata', '2024-05-01', '2024-04-30T18:30:00Z', 24],
    ['Pacific/Kiritimati', '2024-05-01', '2024-04-30T10:00:00Z', 24],
    ['Etc/GMT+12', '2024-05-01', '2024-05-01T12:00:00Z', 24],
    // Clocks go forward or back within the day.
    ['Europe/Berlin', '2024-03-31', '2024-03-30T23:00:00Z', 23],
    ['Europe/Berlin', '2024-10-27', '2024-10-26T22:00:00Z', 25],
    ['Australia/Lord_Howe', '2024-10-06', '2024-10-05T13:30:00Z', 23.5],
    ['Australia/Lord_Howe', '2024-04-07', '2024-04-06T13:00:00Z', 24.5],
    // Midnight is skipped: the day begins at 1:00 by its clocks.
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00Z', 23],
    ['Asia/Beirut', '2024-03-31', '2024-03-30T22:00:00Z', 23],
    // Midnight is where clocks go back by an hour, so that the last hour of the old date comes twice.
    ['America/Sao_Paulo', '2018-02-17', '2018-02-17T02:00:00Z', 25],
    // Midnight itself comes twice: the day begins at the first.
    ['America/Havana', '2024-11-03', '2024-11-03T04:00:00Z', 25],
    // One minute after midnight clocks go back to 23:01 of the old date, which is over all the same.
    ['America/St_Johns', '2006-10-28', '2006-10-28T02:30:00Z', 24],
    ['America/St_Johns', '2006-10-29', '2006-10-29T02:30:00Z', 25],
    // The days beside a skipped date have the usual length.
    ['Pacific/Apia', '2011-12-29', '2011-12-29T10:00:00Z', 24],
    ['Pacific/Apia', '2011-12-31', '2011-12-30T10:00:00Z', 24],
    ['Pacific/Kwajalein', '1993-08-20', '1993-08-20T12:00:00Z', 24],
    ['Pacific/Kwajalein', '1993-08-22', '1993-08-21T12:00:00Z', 24],
    // A zone that went back by 23 hours: its clocks showed most of the date twice, and it is one day.
    ['Pacific/Kwajalein', '1969-09-30', '1969-09-29T13:00:00Z', 47],
    // Local mean time has seconds.
    ['Africa/Monrovia', '1972-01-06', '1972-01-06T00:44:30Z', 24],
  ])('%s, %s begins at %s and has %d hours', (timeZone, date, startText, hours) => {
    const calendar = calendarOf(timeZone);
    const start = Date.parse(startText);
    const end = start + hours * HOUR;
    for (const instant of [start, start + 1, (start + end) / 2, end - 1]) {
      expect(periodAt('day', instant, calendar)).toEqual({ start, end, firstDate: date, lastDate: date });
    }
    expect(dateAt(start - 1, calendar) < date).toBe(true);
    expect(dateAt(end, calendar) > date).toBe(true);
    expect(dayOf(date, calendar)).toEqual({ start, end, firstDate: date, lastDate: date });
  });
});

test.each([
  ['Pacific/Apia', '2011-12-30'],
  ['Pacific/Kwajalein', '1993-08-21'],
])('%s skipped %s: no day has this date', (timeZone, date) => {
  expect(dayOf(date, calendarOf(timeZone))).toBeUndefined();
});

describe('a month or week', () => {
  test.each<[CalendarUnit, string, number, string, string, string, string, string]>([
    // unit, zone, anchor, instant, start, end, first and last date
    [
      'month',
      'UTC',
      1,
      '2024-02-10T00:00:00Z',
      '2024-02-01T00:00:00Z',
      '2024-03-01T00:00:00Z',
      '2024-02-01',
      '2024-02-29',
    ],
    [
      'month',
      'UTC',
      15,
      '2024-01-14T23:59:59Z',
      '2023-12-15T00:00:00Z',
      '2024-01-15T00:00:00Z',
      '2023-12-15',
      '2024-01-14',
    ],
    [
      'month',
      'UTC',
      15,
      '2024-01-15T00:00:00Z',
      '2024-01-15T00:00:00Z',
      '2024-02-15T00:00:00Z',
      '2024-01-15',
      '2024-02-14',
    ],
    // The 31st is clamped to the last day of a shorter month, and comes back afterwards.
    [
      'month',
      'UTC',
      31,
      '2024-02-28T12:00:00Z',
      '2024-01-31T00:00:00Z',
      '2024-02-29T00:00:00Z',
      '2024-01-31',
      '2024-02-28',
    ],
    [
      'month',
      'UTC',
      31,
      '2024-02-29T00:00:00Z',
      '2024-02-29T00:00:00Z',
      '2024-03-31T00:00:00Z',
      '2024-02-29',
      '2024-03-30',
    ],
    [
      'month',
      'UTC',
      31,
      '2023-02-28T00:00:00Z',
      '2023-02-28T00:00:00Z',
      '2023-03-31T00:00:00Z',
      '2023-02-28',
      '2023-03-30',
    ],
    [
      'month',
      'UTC',
      31,
      '2024-04-30T00:00:00Z',
      '2024-04-30T00:00:00Z',
      '2024-05-31T00:00:00Z',
      '2024-04-30',
      '2024-05-30',
    ],
    [
      'month',
      'UTC',
      29,
      '2023-02-28T00:00:00Z',
      '2023-02-28T00:00:00Z',
      '2023-03-29T00:00:00Z',
      '2023-02-28',
      '2023-03-28',
    ],
    [
      'month',
      'UTC',
      29,
      '2024-02-28T00:00:00Z',
      '2024-01-29T00:00:00Z',
      '2024-02-29T00:00:00Z',
      '2024-01-29',
      '2024-02-28',
    ],
    // Months by the tenant's clocks: Berlin's March 2024 is an hour short.
    [
      'month',
      'Europe/Berlin',
      1,
      '2024-03-31T12:00:00Z',
      '2024-02-29T23:00:00Z',
      '2024-03-31T22:00:00Z',
      '2024-03-01',
      '2024-03-31',
    ],
    // A month that would begin on a skipped date begins with the next one.
    [
      'month',
      'Pacific/Apia',
      30,
      '2012-01-10T00:00:00Z',
      '2011-12-30T10:00:00Z',
      '2012-01-29T10:00:00Z',
      '2011-12-31',
      '2012-01-29',
    ],
    [
      'month',
      'Pacific/Apia',
      30,
      '2011-12-30T09:59:59Z',
      '2011-11-30T10:00:00Z',
      '2011-12-30T10:00:00Z',
      '2011-11-30',
      '2011-12-29',
    ],
    // Weeks begin on Monday, over the end of a year too.
    [
      'week',
      'UTC',
      1,
      '2025-01-01T00:00:00Z',
      '2024-12-30T00:00:00Z',
      '2025-01-06T00:00:00Z',
      '2024-12-30',
      '2025-01-05',
    ],
    [
      'week',
      'UTC',
      1,
      '2024-12-30T00:00:00Z',
      '2024-12-30T00:00:00Z',
      '2025-01-06T00:00:00Z',
      '2024-12-30',
      '2025-01-05',
    ],
    [
      'week',
      'UTC',
      1,
      '1969-12-31T00:00:00Z',
      '1969-12-29T00:00:00Z',
      '1970-01-05T00:00:00Z',
      '1969-12-29',
      '1970-01-04',
    ],
    [
      'week',
      'America/New_York',
      1,
      '2024-03-11T03:59:59Z',
      '2024-03-04T05:00:00Z',
      '2024-03-11T04:00:00Z',
      '2024-03-04',
      '2024-03-10',
    ],
  ])('%s in %s from the %i: %s lies in %s to %s', (unit, timeZone, anchor, at, start, end, firstDate, lastDate) => {
    expect(periodAt(unit, Date.parse(at), calendarOf(timeZone, anchor))).toEqual({
      start: Date.parse(start),
      end: Date.parse(end),
      firstDate,
      lastDate,
    });
  });
});

test('the dates are those that the zone shows, but for the minutes in which its clocks show a past date again', () => {
  const someZone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
  const instant = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2041, 0) });
  fc.assert(
    fc.property(someZone, instant, (timeZone, at) => {
      const shown = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
      // Clocks that went back over midnight did so within the last hours: the latest date that they showed counts.
      const latest = [0, 15, 30, 45, 60, 90, 120]
        .map((minutes) => shown.format(at - minutes * 60_000))
        .sort()
        .at(-1);
      const date = dateAt(at, calendarOf(timeZone));
      expect(date >= shown.format(at) && date <= (latest as string)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Date.UTC(10_000, 0), -63_000_000_000_000])(
  'an instant without a date, %d, is refused',
  (instant) => {
    expect(() => periodAt('day', instant, UTC_CALENDAR)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  },
);
