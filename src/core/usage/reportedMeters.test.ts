import { describe, expect, test } from 'vitest';
import type { Meters } from '../meter.js';
import { dayOf, type Period, UTC_CALENDAR } from '../time/calendar.js';
import { integrateDay, type StorageDay } from './storageIntegral.js';
import { buildUsageReport, type KnownUsage } from './usageReport.js';

const at = (text: string): number => Date.parse(text);
const METERS: Meters = new Map([
  ['tokens', { kind: 'counter', unit: 'token' }],
  ['seats', { kind: 'level', unit: 'seat' }],
]);
const NOTHING: KnownUsage = {
  ...{ days: [], activeUsers: 0, storageBefore: undefined, pointsOfLastDate: [] },
  ...{ meters: [], levelsBefore: [], levelPointsOfLastDate: [], overage: [] },
  ...{ adjustments: [], closedMonths: [] },
};
const report = (usage: Partial<KnownUsage>, meters: Meters = METERS, to = '2024-01-03', calendar = UTC_CALENDAR) =>
  buildUsageReport({
    ...{ tenantId: 'acme', from: '2024-01-01', to, today: '2024-01-03', meters, calendar },
    ...{ usage: { ...NOTHING, ...usage }, asOfMs: at('2024-01-03T12:00:00Z') },
  });
const levelDay = (date: string, points: readonly [at: string, level: number][], calendar = UTC_CALENDAR): StorageDay =>
  integrateDay(
    points.map(([text, bytes]) => ({ atSeconds: at(text) / 1000, bytes, id: text })),
    undefined,
    dayOf(date, calendar) as Period,
  ) as StorageDay;
const amount = (usageDate: string, meter: string, of: number) => ({ usageDate, meter, amount: of });

describe('own meters in a report', () => {
  test('none is declared and none is in the ledger: nothing stands beside the mission’s fields', () => {
    const { daily, totals, meters } = report(
      { days: [{ usageDate: '2024-01-01', apiCalls: 1, activeUsers: 0 }] },
      new Map(),
    );
    const figures = { apiCalls: 1, storageBytes: 0, activeUsers: 0, storageCoverage: 0 };
    expect([daily[0], totals, meters]).toEqual([{ date: '2024-01-01', ...figures }, figures, undefined]);
  });

  test('a counter is summed, a level averaged over the covered time, and no data of it is told from zero', () => {
    const usage = {
      meters: [
        { ...amount('2024-01-01', 'seats', 0), level: levelDay('2024-01-01', [['2024-01-01T12:00:00Z', 3]]) },
        amount('2024-01-01', 'tokens', 12),
        amount('2024-01-03', 'tokens', 30),
      ],
      levelPointsOfLastDate: [{ meter: 'seats', atSeconds: at('2024-01-03T06:00:00Z') / 1000, bytes: 0, id: 'x' }],
    };
    const { daily, totals, meters } = report(usage);
    expect(meters).toEqual({ tokens: { kind: 'counter', unit: 'token' }, seats: { kind: 'level', unit: 'seat' } });
    expect(daily.map((day) => day.meters)).toEqual([
      { tokens: 12, seats: 3 },
      { tokens: 0, seats: 3 },
      // Six of twelve hours: 1.5, as a whole number 2.
      { tokens: 30, seats: 2 },
    ]);
    expect(daily[0]?.levels).toEqual({ seats: { average: 3, peak: 3, last: 3, coverage: 0.5 } });
    expect(daily[2]?.levels).toEqual({ seats: { average: 1.5, peak: 3, last: 0, coverage: 1 } });
    expect(totals.meters).toEqual({ tokens: 42, seats: 3 });
    // 12 h, 24 h and 6 h at 3, then 6 h at 0; of 60 h 48 are covered.
    expect(totals.levels).toEqual({ seats: { average: 2.625, peak: 3, last: 0, coverage: 0.8 } });
    // Something was metered on the first and the third; on the second there is no row.
    expect(daily.map((day) => day.noData ?? false)).toEqual([false, true, false]);
    const nothing = report({}).daily[0];
    expect([nothing?.meters, nothing?.levels?.seats?.coverage]).toEqual([{ tokens: 0, seats: 0 }, 0]);
  });

  test('a level that was reported before is carried in, and ends after 35 days', () => {
    const carried = (date: string) => {
      const levelsBefore = [{ meter: 'seats', level: levelDay(date, [[`${date}T00:00:00Z`, 4]]) }];
      return report({ levelsBefore }).daily.map((day) => day.levels?.seats?.coverage);
    };
    expect(carried('2023-12-31')).toEqual([1, 1, 1]);
    // The 35 days end with the 2nd of January.
    expect(carried('2023-11-29')).toEqual([1, 1, 0]);
    expect(carried('2023-11-20')).toEqual([0, 0, 0]);
  });

  test('a day of 23 hours is covered by 23 hours', () => {
    const calendar = { ...UTC_CALENDAR, timeZone: 'Europe/Berlin' };
    const seats = levelDay('2024-03-31', [['2024-03-30T23:00:00Z', 7]], calendar);
    const { daily } = buildUsageReport({
      ...{ tenantId: 'acme', from: '2024-03-31', to: '2024-03-31', today: '2024-04-02', meters: METERS, calendar },
      usage: { ...NOTHING, meters: [{ ...amount('2024-03-31', 'seats', 0), level: seats }] },
      asOfMs: at('2024-04-02T00:00:00Z'),
    });
    expect(seats.coveredMs).toBe(23 * 3_600_000);
    expect(daily[0]?.levels?.seats).toEqual({ average: 7, peak: 7, last: 7, coverage: 1 });
  });

  test('what is in the ledger and not declared any more is shown, without a unit', () => {
    const usage = {
      meters: [
        amount('2024-01-01', 'old_rows', 9),
        { ...amount('2024-01-02', 'constructor', 0), level: levelDay('2024-01-02', [['2024-01-02T00:00:00Z', 2]]) },
      ],
      adjustments: [{ usageDate: '2024-01-02', meter: 'older', delta: 5 }],
    };
    const { meters, totals } = report(usage);
    expect(Object.keys(meters ?? {})).toEqual(['tokens', 'seats', 'constructor', 'old_rows', 'older']);
    expect(meters).toMatchObject({ old_rows: { kind: 'counter' }, older: { kind: 'counter' } });
    expect(Object.entries(meters ?? {})[2]?.[1]).toEqual({ kind: 'level' });
    expect(totals.meters).toEqual({ tokens: 0, seats: 0, constructor: 2, old_rows: 9, older: 5 });
  });

  test('corrections of a counter are added, stand beside it, and below 0 it is 0 and flagged', () => {
    const usage = {
      meters: [amount('2024-01-01', 'tokens', 10), amount('2024-01-02', 'tokens', 50)],
      adjustments: [
        { usageDate: '2024-01-01', meter: 'tokens', delta: -25 },
        { usageDate: '2024-01-03', meter: 'api_calls', delta: 2 },
      ],
    };
    const { daily, totals } = report(usage);
    expect(daily[0]).toMatchObject({
      meters: { tokens: 0 },
      meterAdjustments: { tokens: { recorded: 10, delta: -25, belowZero: true } },
    });
    // A day below 0 takes from the others what it has too much.
    expect(totals.meters?.tokens).toBe(35);
    expect(totals.meterAdjustments).toEqual({ tokens: { recorded: 60, delta: -25, belowZero: false } });
    expect([totals.apiCalls, daily[2]?.meterAdjustments]).toEqual([2, undefined]);
  });

  test('overage of soft limits is there where there was any, of each meter, and adds up', () => {
    const usage = {
      overage: [
        { usageDate: '2024-01-01', meter: '', units: 3 },
        { usageDate: '2024-01-02', meter: 'tokens', units: 20 },
        { usageDate: '2024-01-02', meter: '', units: 4 },
      ],
    };
    const { daily, totals } = report(usage);
    expect(daily.map(({ overage }) => overage)).toEqual([{ units: 3 }, { tokens: 20, units: 4 }, undefined]);
    expect(totals.overage).toEqual({ units: 7, tokens: 20 });
  });

  test('sums stay at 2^53-1', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const usage = {
      meters: [amount('2024-01-01', 'tokens', most), amount('2024-01-02', 'tokens', 5)],
      overage: [
        { usageDate: '2024-01-01', meter: '', units: most },
        { usageDate: '2024-01-02', meter: '', units: 1 },
      ],
    };
    const { totals } = report(usage);
    expect([totals.meters?.tokens, totals.overage?.units]).toEqual([most, most]);
  });
});
