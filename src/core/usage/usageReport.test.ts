import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays, dateAt, dayOf, type Period, type TenantCalendar, UTC_CALENDAR } from '../time/calendar.js';
import { integrateDay, type StorageDay, type StoragePoint } from './storageIntegral.js';
import { buildUsageReport, type KnownUsage, type UsageReportInput } from './usageReport.js';

const at = (text: string): number => Date.parse(text);
const point = (text: string, bytes: number): StoragePoint => ({ atSeconds: at(text) / 1000, bytes, id: text });

/** A day's row as the ledger has it. */
const storageOf = (date: string, points: readonly StoragePoint[], calendar = UTC_CALENDAR): StorageDay =>
  integrateDay(points, undefined, dayOf(date, calendar) as Period) as StorageDay;

const NO_USAGE: KnownUsage = {
  ...{ days: [], activeUsers: 0, storageBefore: undefined, pointsOfLastDate: [] },
  ...{ meters: [], levelsBefore: [], levelPointsOfLastDate: [], overage: [] },
  ...{ adjustments: [], closedMonths: [] },
};
const report = (from: string, to: string, usage: Partial<KnownUsage>, more: Partial<UsageReportInput> = {}) =>
  buildUsageReport({
    tenantId: 'acme',
    from,
    to,
    today: '2024-06-10',
    usage: { ...NO_USAGE, ...usage },
    calendar: UTC_CALENDAR,
    asOfMs: at('2024-06-10T06:00:00Z'),
    ...more,
  });
const EMPTY = { apiCalls: 0, storageBytes: 0, activeUsers: 0, storageCoverage: 0, noData: true };
const emptyDay = (date: string) => ({ date, ...EMPTY });

describe('the report', () => {
  test('has the mission’s shape, every day of the period, and distinct users that are no sum', () => {
    const usage = {
      days: [
        { usageDate: '2024-01-01', apiCalls: 5, activeUsers: 2 },
        { usageDate: '2024-01-03', apiCalls: 7, activeUsers: 2 },
      ],
      activeUsers: 3,
    };
    expect(report('2024-01-01', '2024-01-03', usage)).toEqual({
      tenantId: 'acme',
      period: { from: '2024-01-01', to: '2024-01-03' },
      totals: { apiCalls: 12, storageBytes: 0, activeUsers: 3, storageCoverage: 0 },
      daily: [
        { date: '2024-01-01', apiCalls: 5, storageBytes: 0, activeUsers: 2, storageCoverage: 0 },
        emptyDay('2024-01-02'),
        { date: '2024-01-03', apiCalls: 7, storageBytes: 0, activeUsers: 2, storageCoverage: 0 },
      ],
      asOf: '2024-06-10T06:00:00.000Z',
    });
  });

  test('leaves out days after today, and echoes the period that was asked for', () => {
    const usage = { days: [{ usageDate: '2024-06-11', apiCalls: 5, activeUsers: 1 }] };
    const { period, daily, totals } = report('2024-06-09', '2024-06-30', usage);
    expect(period).toEqual({ from: '2024-06-09', to: '2024-06-30' });
    expect(daily).toEqual([emptyDay('2024-06-09'), emptyDay('2024-06-10')]);
    expect(totals.apiCalls).toBe(0);
  });

  test('is empty where all of the period is in the future', () => {
    const { daily, totals } = report('2024-06-11', '2024-06-30', { activeUsers: 4 });
    expect(daily).toEqual([]);
    expect(totals).toEqual(EMPTY);
  });

  test('has a day of zeros for a date that the zone skipped, and coverage does not miss it', () => {
    const apia: TenantCalendar = { timeZone: 'Pacific/Apia', billingAnchorDay: 1, earlier: [] };
    const storage = storageOf('2011-12-29', [point('2011-12-29T10:00:00Z', 8)], apia);
    const days = [{ usageDate: '2011-12-29', apiCalls: 1, activeUsers: 1, storage }];
    const { daily, totals } = report('2011-12-29', '2011-12-31', { days }, { calendar: apia });
    expect(daily.map((day) => [day.date, day.storageBytes, day.storageCoverage])).toEqual([
      ['2011-12-29', 8, 1],
      ['2011-12-30', 0, 0],
      ['2011-12-31', 8, 1],
    ]);
    expect(totals).toMatchObject({ storageBytes: 8, storageCoverage: 1 });
  });

  test('saturates at 2^53-1, and says so', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const days = ['2024-01-01', '2024-01-02'].map((usageDate) => ({ usageDate, apiCalls: most, activeUsers: 1 }));
    const { totals, daily, saturated } = report('2024-01-01', '2024-01-02', { days });
    expect([totals.apiCalls, ...daily.map((day) => day.apiCalls)]).toEqual([most, most, most]);
    expect(saturated).toEqual(['apiCalls']);
    const storage = storageOf('2024-01-01', [point('2024-01-01T00:00:00Z', most)]);
    const stored = report('2024-01-01', '2024-01-01', {
      days: [{ usageDate: '2024-01-01', apiCalls: 0, activeUsers: 0, storage }],
    });
    expect([stored.totals.storageBytes, stored.saturated]).toEqual([most, ['storageBytes']]);
    // A correction takes it off the top, and what is missing is missing all the same.
    const day = { usageDate: '2024-01-01', meter: 'tokens', amount: most };
    const adjustments = [{ usageDate: '2024-01-01', meter: 'tokens', delta: -5 }];
    const corrected = report('2024-01-01', '2024-01-01', { days: [], meters: [day], adjustments });
    expect([corrected.totals.meters, corrected.saturated]).toEqual([{ tokens: most - 5 }, ['tokens']]);
    expect(report('2024-01-01', '2024-01-01', { days: [] }).saturated).toBeUndefined();
  });
});

describe('storage of a day', () => {
  const figuresOf = (result: ReturnType<typeof report>) =>
    result.daily.map((day) => [day.storageBytes, day.storageCoverage]);

  test('is the average over the covered time, to the nearest byte', () => {
    const points = [point('2024-01-01T06:00:00Z', 10), point('2024-01-01T18:00:00Z', 11)];
    const days = [{ usageDate: '2024-01-01', apiCalls: 0, activeUsers: 0, storage: storageOf('2024-01-01', points) }];
    // 10 for 12 hours and 11 for 6: 10 1/3.
    expect(figuresOf(report('2024-01-01', '2024-01-01', { days }))).toEqual([[10, 0.75]]);
    const half = [point('2024-01-01T00:00:00Z', 10), point('2024-01-01T12:00:00Z', 11)];
    const halfDay = [{ usageDate: '2024-01-01', apiCalls: 0, activeUsers: 0, storage: storageOf('2024-01-01', half) }];
    expect(figuresOf(report('2024-01-01', '2024-01-01', { days: halfDay }))).toEqual([[11, 1]]);
  });

  test('without points is the level before, for 35 days after its point; then it is no data, not 0 bytes known', () => {
    const storage = storageOf('2024-01-01', [point('2024-01-01T12:00:00Z', 6)]);
    const before = { ...storage, usageDate: '2024-01-01' };
    expect(figuresOf(report('2024-02-03', '2024-02-06', { storageBefore: before }))).toEqual([
      [6, 1],
      [6, 1],
      [6, 0.5],
      [0, 0],
    ]);
    const days = [{ usageDate: '2024-01-01', apiCalls: 0, activeUsers: 0, storage }];
    const whole = report('2024-01-01', '2024-02-09', { days });
    expect(whole.totals.storageBytes).toBe(6);
    expect(whole.totals.storageCoverage).toBe(35 / 40);
  });

  test('of the period is weighted by time, no average of averages', () => {
    const first = storageOf('2024-01-01', [point('2024-01-01T23:00:00Z', 2400)]);
    const second = storageOf('2024-01-02', [point('2024-01-02T00:00:00Z', 0)]);
    const days = [
      { usageDate: '2024-01-01', apiCalls: 0, activeUsers: 0, storage: first },
      { usageDate: '2024-01-02', apiCalls: 0, activeUsers: 0, storage: second },
    ];
    expect(report('2024-01-01', '2024-01-02', { days }).totals).toMatchObject({
      storageBytes: 96,
      storageCoverage: 25 / 48,
    });
  });

  test('today counts up to now: by its points, not by its row, which runs to midnight', () => {
    const points = [point('2024-06-10T02:00:00Z', 6), point('2024-06-10T06:04:00Z', 1000)];
    const storage = storageOf('2024-06-10', points);
    const days = [{ usageDate: '2024-06-10', apiCalls: 1, activeUsers: 1, storage }];
    const carried = { ...storageOf('2024-06-08', [point('2024-06-08T00:00:00Z', 3)]), usageDate: '2024-06-08' };
    // 3 for two hours, then 6 for four; what was reported ahead of now is not yet.
    const usage = { days, storageBefore: carried, pointsOfLastDate: points };
    expect(figuresOf(report('2024-06-09', '2024-06-10', usage))).toEqual([
      [3, 1],
      [5, 1],
    ]);
    expect(figuresOf(report('2024-06-10', '2024-06-10', { ...usage, storageBefore: undefined }))).toEqual([[6, 2 / 3]]);
  });

  test('points of another day than today are passed over', () => {
    const points = [point('2024-06-09T02:00:00Z', 6)];
    expect(figuresOf(report('2024-06-10', '2024-06-10', { pointsOfLastDate: points }))).toEqual([[0, 0]]);
  });

  test('follows the tenant’s days: Berlin’s of 23 hours is fully covered by 23', () => {
    const calendar: TenantCalendar = { timeZone: 'Europe/Berlin', billingAnchorDay: 1, earlier: [] };
    const storage = storageOf('2024-03-31', [point('2024-03-30T23:00:00Z', 5)], calendar);
    const days = [{ usageDate: '2024-03-31', apiCalls: 0, activeUsers: 0, storage }];
    const { totals } = report('2024-03-30', '2024-03-31', { days }, { calendar });
    expect(totals).toMatchObject({ storageBytes: 5, storageCoverage: 23 / 47 });
  });
});

test('a report is the sum of its days, and every number in it is whole, at most 2^53-1, or a coverage', () => {
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia', 'America/Sao_Paulo');
  const somePoints = fc.array(fc.record({ hours: fc.nat(24 * 60), bytes: fc.maxSafeNat(), id: fc.uuid() }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      zones,
      somePoints,
      fc.integer({ min: 0, max: 24 * 60 }),
      fc.maxSafeNat(),
      (timeZone, some, now, calls) => {
        const calendar: TenantCalendar = { timeZone, billingAnchorDay: 1, earlier: [] };
        const begin = at('2011-12-01T00:00:00Z');
        const asOfMs = begin + now * 3_600_000;
        const points = some.map(({ hours, bytes, id }) => ({ atSeconds: begin / 1000 + hours * 3600, bytes, id }));
        const from = dateAt(begin, calendar);
        const today = dateAt(asOfMs, calendar);
        const days: { usageDate: string; apiCalls: number; activeUsers: number; storage: StorageDay }[] = [];
        let level: { bytes: number; atSeconds: number } | undefined;
        for (let date = from; date <= today; date = addDays(date, 1)) {
          const day = dayOf(date, calendar);
          const storage = day && integrateDay(points, level, day);
          if (storage === undefined) continue;
          level = { bytes: storage.lastBytes, atSeconds: storage.lastAtSeconds };
          if (level.atSeconds * 1000 >= (day?.start ?? 0))
            days.push({ usageDate: date, apiCalls: calls, activeUsers: 1, storage });
        }
        const usage = { days, activeUsers: 1, storageBefore: undefined, pointsOfLastDate: points };
        const result = report(from, today, usage, { calendar, today, asOfMs });
        expect(
          result.daily.map((one) => one.apiCalls).reduce((a, b) => Math.min(Number.MAX_SAFE_INTEGER, a + b), 0),
        ).toBe(result.totals.apiCalls);
        for (const { apiCalls, storageBytes, activeUsers, storageCoverage } of [result.totals, ...result.daily]) {
          expect([apiCalls, storageBytes, activeUsers].every((one) => Number.isSafeInteger(one) && one >= 0)).toBe(
            true,
          );
          expect(storageCoverage >= 0 && storageCoverage <= 1).toBe(true);
        }
        // The whole range integrated in one piece, without a day in it, gives the same average.
        const whole = integrateDay(points, undefined, { start: dayOf(from, calendar)?.start ?? 0, end: asOfMs });
        const average =
          whole === undefined || whole.coveredMs === 0
            ? 0
            : Number((2n * whole.byteMs + BigInt(whole.coveredMs)) / (2n * BigInt(whole.coveredMs)));
        expect(result.totals.storageBytes).toBe(average);
      },
    ),
    { numRuns: 300 },
  );
});

describe('no data', () => {
  const days = [
    { usageDate: '2024-01-01', apiCalls: 0, activeUsers: 0 },
    { usageDate: '2024-01-03', apiCalls: 5, activeUsers: 1 },
  ];

  test('is told from zero on each day, and of a period of which no day has any', () => {
    const { daily, totals } = report('2024-01-01', '2024-01-03', { days });
    expect(daily.map(({ apiCalls, noData }) => [apiCalls, noData])).toEqual([
      [0, undefined],
      [0, true],
      [5, undefined],
    ]);
    expect('noData' in totals).toBe(false);
    expect(report('2024-01-02', '2024-01-02', {}).totals).toMatchObject({ apiCalls: 0, noData: true });
  });

  test('is not where there is a correction', () => {
    const adjustments = [{ usageDate: '2024-01-02', meter: 'api_calls', delta: 1 }];
    expect(report('2024-01-02', '2024-01-02', { adjustments }).daily[0]).not.toHaveProperty('noData');
  });
});

describe('storage', () => {
  // 100 for a quarter of the 1st, then 40; the 2nd has no point; nothing is known before.
  const storage = storageOf('2024-01-01', [point('2024-01-01T12:00:00Z', 100), point('2024-01-01T18:00:00Z', 40)]);
  const days = [{ usageDate: '2024-01-01', apiCalls: 0, activeUsers: 0, storage }];
  const bytesOf = (figure: 'average' | 'peak' | 'last', from: string) => {
    const { daily, totals, storage: named } = report(from, '2024-01-02', { days }, { storage: figure });
    return [named, ...daily.map((day) => day.storageBytes), totals.storageBytes];
  };

  test('is the average, the highest or the last level, of each day and of the period', () => {
    expect(bytesOf('average', '2023-12-31')).toEqual([undefined, 0, 70, 40, 50]);
    expect(bytesOf('peak', '2023-12-31')).toEqual(['peak', 0, 100, 40, 100]);
    expect(bytesOf('last', '2023-12-31')).toEqual(['last', 0, 40, 40, 40]);
  });

  test('of a period whose end knows no level has the last one that was known; coverage says the rest', () => {
    const { totals } = report('2024-01-01', '2024-02-29', { days }, { storage: 'last' });
    expect(totals.storageBytes).toBe(40);
    expect(report('2024-03-01', '2024-03-01', { storageBefore: storage }, { storage: 'last' }).totals).toMatchObject({
      ...{ storageBytes: 0, storageCoverage: 0 },
    });
  });

  test('of today goes on from a level that has ended, where a change is added', () => {
    const pointsOfLastDate = [{ ...point('2024-06-10T03:00:00Z', 5), kind: 'add' as const }];
    const usage = { storageBefore: storage, pointsOfLastDate };
    expect(report('2024-06-09', '2024-06-10', usage, { storage: 'last' }).daily[1]).toMatchObject({
      ...{ storageBytes: 45, storageCoverage: 0.5 },
    });
  });
});

describe('corrections', () => {
  const usage = {
    days: [
      { usageDate: '2024-01-01', apiCalls: 100, activeUsers: 0 },
      { usageDate: '2024-01-02', apiCalls: 40, activeUsers: 0 },
    ],
    adjustments: [
      { usageDate: '2024-01-02', meter: 'api_calls', delta: -60 },
      { usageDate: '2024-01-03', meter: 'api_calls', delta: 7 },
      { usageDate: '2024-01-03', meter: 'tokens', delta: 1000 },
    ],
  };

  test('are added to their days, which show what was recorded beside it; a day below 0 shows 0 and says so', () => {
    const { daily } = report('2024-01-01', '2024-01-03', usage);
    expect(daily.map(({ apiCalls, adjustments }) => [apiCalls, adjustments?.apiCalls])).toEqual([
      [100, undefined],
      [0, { recorded: 40, delta: -60, belowZero: true }],
      [7, { recorded: 0, delta: 7, belowZero: false }],
    ]);
  });

  test('are whole in the total, also what a day had too much', () => {
    const { totals } = report('2024-01-01', '2024-01-03', usage);
    expect(totals.apiCalls).toBe(87);
    expect(totals.adjustments).toEqual({ apiCalls: { recorded: 140, delta: -53, belowZero: false } });
  });

  test('can make a total negative: then it shows 0 and says so', () => {
    const { totals } = report('2024-01-02', '2024-01-02', usage);
    expect(totals).toMatchObject({ apiCalls: 0, adjustments: { apiCalls: { belowZero: true } } });
  });

  test('leave no trace where there are none, also not of closed months', () => {
    const plain = report('2024-01-01', '2024-01-01', usage);
    expect('adjustments' in plain.totals || 'closedMonths' in plain).toBe(false);
    expect(report('2024-01-01', '2024-01-01', { closedMonths: ['2024-01'] }).closedMonths).toEqual(['2024-01']);
  });
});
