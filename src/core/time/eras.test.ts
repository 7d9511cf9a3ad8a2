// What a change of zone or anchor does: exact cases, and the laws of every calendar. An oracle is in erasWalk.test.ts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CalendarUnit, dateAt, type Period, periodAt, type TenantCalendar } from './calendar.js';

const at = (text: string): number => Date.parse(`${text.length === 10 ? `${text}T00:00` : text}Z`);
const UNITS: readonly CalendarUnit[] = ['day', 'week', 'month'];

/** A calendar from `[zone, anchor]` and the instants at which it changed to the next pair. */
function calendarOf(first: [string, number], ...changes: [string, string, number][]): TenantCalendar {
  const settings = [first, ...changes.map(([, zone, anchor]): [string, number] => [zone, anchor])];
  const earlier = changes.map(([until], index) => {
    const [timeZone, billingAnchorDay] = settings[index] as [string, number];
    return { timeZone, billingAnchorDay, until: at(until) };
  });
  const [timeZone, billingAnchorDay] = settings.at(-1) as [string, number];
  return { timeZone, billingAnchorDay, earlier };
}

/** The periods from the one that holds `from` on, as `start .. first date - last date`. */
function listed(unit: CalendarUnit, calendar: TenantCalendar, from: string, count: number): string[] {
  const periods = [periodAt(unit, at(from), calendar)];
  while (periods.length < count) periods.push(periodAt(unit, (periods.at(-1) as Period).end, calendar));
  return periods.map(
    (one) =>
      `${new Date(one.start).toISOString().slice(0, 16)} ${one.firstDate}${one.lastDate === one.firstDate ? '' : ` ${one.lastDate}`}`,
  );
}

describe('a day after a change of zone', () => {
  test('from Auckland to New York: the date is not given a second time, its day lasts 40 hours', () => {
    const calendar = calendarOf(['Pacific/Auckland', 1], ['2024-06-10', 'America/New_York', 1]);
    expect(listed('day', calendar, '2024-06-09T13:00', 4)).toEqual([
      '2024-06-09T12:00 2024-06-10',
      '2024-06-11T04:00 2024-06-11',
      '2024-06-12T04:00 2024-06-12',
      '2024-06-13T04:00 2024-06-13',
    ]);
  });

  test('from New York to Auckland: the running day keeps its end, and a short day with a date of its own follows', () => {
    const calendar = calendarOf(['America/New_York', 1], ['2024-06-10T12:00', 'Pacific/Auckland', 1]);
    expect(listed('day', calendar, '2024-06-10T05:00', 3)).toEqual([
      '2024-06-10T04:00 2024-06-10',
      '2024-06-11T04:00 2024-06-11',
      '2024-06-11T12:00 2024-06-12',
    ]);
  });

  test('from 12 hours behind UTC to 14 ahead: a date is passed over, none is given twice', () => {
    const calendar = calendarOf(['Etc/GMT+12', 1], ['2024-06-10T12:00', 'Pacific/Kiritimati', 1]);
    expect(listed('day', calendar, '2024-06-10T12:00', 3)).toEqual([
      '2024-06-10T12:00 2024-06-10',
      '2024-06-11T12:00 2024-06-12',
      '2024-06-12T10:00 2024-06-13',
    ]);
  });

  test('there and back within one day: nothing is gained', () => {
    const calendar = calendarOf(
      ['Pacific/Auckland', 1],
      ['2024-06-10T01:00', 'America/New_York', 1],
      ['2024-06-10T02:00', 'Pacific/Auckland', 1],
      ['2024-06-10T03:00', 'America/New_York', 1],
    );
    expect(listed('day', calendar, '2024-06-10', 3)).toEqual([
      '2024-06-09T12:00 2024-06-10',
      '2024-06-11T04:00 2024-06-11',
      '2024-06-12T04:00 2024-06-12',
    ]);
  });

  test('at the last instant of a day it is that day that runs, at its end the next', () => {
    const before = calendarOf(['UTC', 1], ['2024-06-10T23:59:59.999', 'America/New_York', 1]);
    expect(listed('day', before, '2024-06-10', 2)).toEqual([
      '2024-06-10T00:00 2024-06-10',
      '2024-06-11T04:00 2024-06-11',
    ]);
    const after = calendarOf(['UTC', 1], ['2024-06-11', 'America/New_York', 1]);
    expect(listed('day', after, '2024-06-10', 3)).toEqual([
      '2024-06-10T00:00 2024-06-10',
      '2024-06-11T00:00 2024-06-11',
      '2024-06-12T04:00 2024-06-12',
    ]);
  });
});

describe('a month after a change of anchor', () => {
  test('to a later day: it lasts until that day of the next month', () => {
    const calendar = calendarOf(['UTC', 1], ['2024-01-20', 'UTC', 15]);
    expect(listed('month', calendar, '2024-01-10', 3)).toEqual([
      '2024-01-01T00:00 2024-01-01 2024-02-14',
      '2024-02-15T00:00 2024-02-15 2024-03-14',
      '2024-03-15T00:00 2024-03-15 2024-04-14',
    ]);
  });

  test('to an earlier day: it keeps its end, and a short month follows', () => {
    const calendar = calendarOf(['UTC', 15], ['2024-01-20', 'UTC', 1]);
    expect(listed('month', calendar, '2024-01-20', 3)).toEqual([
      '2024-01-15T00:00 2024-01-15 2024-02-14',
      '2024-02-15T00:00 2024-02-15 2024-02-29',
      '2024-03-01T00:00 2024-03-01 2024-03-31',
    ]);
  });

  test('there and back: the month never begins twice', () => {
    const calendar = calendarOf(['UTC', 1], ['2024-01-20', 'UTC', 15], ['2024-01-21', 'UTC', 1]);
    expect(listed('month', calendar, '2024-01-10', 3)).toEqual([
      '2024-01-01T00:00 2024-01-01 2024-02-14',
      '2024-02-15T00:00 2024-02-15 2024-02-29',
      '2024-03-01T00:00 2024-03-01 2024-03-31',
    ]);
  });
});

describe('weeks and months after a change of zone', () => {
  test('end where a day ends: with the day of 40 hours', () => {
    const calendar = calendarOf(['Pacific/Auckland', 1], ['2024-06-29T13:00', 'America/New_York', 1]);
    expect(listed('week', calendar, '2024-06-29T13:00', 2)).toEqual([
      '2024-06-23T12:00 2024-06-24 2024-06-30',
      '2024-07-01T04:00 2024-07-01 2024-07-07',
    ]);
    expect(listed('month', calendar, '2024-06-29T13:00', 2)).toEqual([
      '2024-05-31T12:00 2024-06-01 2024-06-30',
      '2024-07-01T04:00 2024-07-01 2024-07-31',
    ]);
  });

  test('not before their old end: the date that began before it still belongs to them', () => {
    const calendar = calendarOf(['America/New_York', 1], ['2024-06-12', 'Pacific/Auckland', 1]);
    expect(listed('week', calendar, '2024-06-12', 2)).toEqual([
      '2024-06-10T04:00 2024-06-10 2024-06-17',
      '2024-06-17T12:00 2024-06-18 2024-06-23',
    ]);
    expect(listed('month', calendar, '2024-06-12', 2)).toEqual([
      '2024-06-01T04:00 2024-06-01 2024-07-01',
      '2024-07-01T12:00 2024-07-02 2024-07-31',
    ]);
  });
});

// Laws, over all zones. A change is at most 40 days after the one before, so that most fall into each other's periods.
const someSetting = fc.tuple(fc.constantFrom(...Intl.supportedValuesOf('timeZone')), fc.integer({ min: 1, max: 31 }));
const someChanges = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 * 86_400_000 }), someSetting), { maxLength: 3 });
const someInstant = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) });
const someCalendar = fc.tuple(someInstant, someSetting, someChanges).map(([begin, oldest, changes]) => {
  const settings = [oldest, ...changes.map(([, setting]) => setting)];
  let until = begin;
  const earlier = changes.map(([gap], index) => {
    until += gap;
    const [timeZone, billingAnchorDay] = settings[index] as [string, number];
    return { timeZone, billingAnchorDay, until };
  });
  const [timeZone, billingAnchorDay] = settings.at(-1) as [string, number];
  return { begin, calendar: { timeZone, billingAnchorDay, earlier } };
});

test('periods tile time, whoever asks from where, and their dates ascend without overlap', () => {
  fc.assert(
    fc.property(
      someCalendar,
      fc.constantFrom(...UNITS),
      fc.array(fc.nat(150 * 86_400_000)),
      ({ begin, calendar }, unit, gaps) => {
        let period = periodAt(unit, begin - 86_400_000, calendar);
        const periods = [period];
        while (period.end < begin + 150 * 86_400_000) {
          const next = periodAt(unit, period.end, calendar);
          expect(next.start).toBe(period.end);
          expect(next.end).toBeGreaterThan(next.start);
          expect(next.firstDate > period.lastDate).toBe(true);
          expect(next.lastDate >= next.firstDate).toBe(true);
          expect(periodAt(unit, next.start - 1, calendar)).toEqual(period);
          expect(periodAt(unit, next.end - 1, calendar)).toEqual(next);
          periods.push(next);
          period = next;
        }
        for (const gap of gaps) {
          const instant = begin + gap;
          // A calendar of its own, so that nothing it was asked before can help.
          const holder = periodAt(unit, instant, { ...calendar });
          expect(holder.start <= instant && instant < holder.end).toBe(true);
          expect(periods).toContainEqual(holder);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('weeks and months are whole days: they begin and end where a day does, with its date', () => {
  fc.assert(
    fc.property(
      someCalendar,
      fc.constantFrom<CalendarUnit>('week', 'month'),
      fc.nat(150),
      ({ begin, calendar }, unit, days) => {
        const period = periodAt(unit, begin + days * 86_400_000, calendar);
        const first = periodAt('day', period.start, calendar);
        const last = periodAt('day', period.end - 1, calendar);
        expect(first).toMatchObject({ start: period.start, firstDate: period.firstDate });
        expect(last).toMatchObject({ end: period.end, lastDate: period.lastDate });
      },
    ),
    { numRuns: 1000 },
  );
});

test('a change never takes back what was told before it: what ended stays, what runs ends no sooner', () => {
  fc.assert(
    fc.property(someCalendar, fc.constantFrom(...UNITS), fc.nat(90 * 86_400_000), ({ begin, calendar }, unit, gap) => {
      const change = calendar.earlier.at(-1);
      fc.pre(change !== undefined);
      const before: TenantCalendar = { ...change, earlier: calendar.earlier.slice(0, -1) };
      const instant = Math.min(begin + gap, change.until);
      const old = periodAt(unit, instant, before);
      const now = periodAt(unit, instant, calendar);
      if (old.end <= change.until) expect(now).toEqual(old);
      else {
        expect(now.start).toBe(old.start);
        expect(now.firstDate).toBe(old.firstDate);
        expect(now.end).toBeGreaterThanOrEqual(old.end);
      }
      // The date of the running day is kept for its whole length.
      const day = periodAt('day', change.until, calendar);
      expect(dateAt(day.end - 1, calendar)).toBe(dateAt(change.until, before));
    }),
    { numRuns: 1000 },
  );
});

test('a change to the same zone and anchor changes nothing', () => {
  fc.assert(
    fc.property(someCalendar, fc.constantFrom(...UNITS), fc.nat(90 * 86_400_000), ({ begin, calendar }, unit, gap) => {
      const { timeZone, billingAnchorDay } = calendar;
      const until = (calendar.earlier.at(-1)?.until ?? begin) + 86_400_000;
      const repeated = { ...calendar, earlier: [...calendar.earlier, { timeZone, billingAnchorDay, until }] };
      expect(periodAt(unit, begin + gap, repeated)).toEqual(periodAt(unit, begin + gap, calendar));
    }),
    { numRuns: 500 },
  );
});

test('soon after a change the periods are those of the new setting alone', () => {
  fc.assert(
    fc.property(someCalendar, fc.constantFrom(...UNITS), ({ begin, calendar }, unit) => {
      // A month that is stretched by three changes is over after five.
      const instant = begin + 280 * 86_400_000;
      expect(periodAt(unit, instant, calendar)).toEqual(periodAt(unit, instant, { ...calendar, earlier: [] }));
    }),
    { numRuns: 500 },
  );
});
