import { describe, expect, test } from 'vitest';
import { daysOfMonth, monthFault, monthReport } from './closedMonth.js';
import type { UsageFigures, UsageReport } from './usageReport.js';

const figures = (apiCalls: number, more: Partial<UsageFigures> = {}): UsageFigures => ({
  ...{ apiCalls, storageBytes: 0, activeUsers: 1, storageCoverage: 0 },
  ...more,
});
const report = (days: readonly UsageFigures[], totals: UsageFigures): UsageReport => ({
  tenantId: 'acme',
  period: { from: '2024-02-01', to: '2024-02-29' },
  totals,
  daily: days.map((day, index) => ({ date: `2024-02-0${index + 1}`, ...day })),
  asOf: '2024-03-01T00:00:00.000Z',
});

describe('a month', () => {
  test.each([
    ['2024-02', '2024-02-29'],
    ['2023-02', '2023-02-28'],
    ['2024-12', '2024-12-31'],
    ['0001-01', '0001-01-31'],
  ])('%s ends on %s', (month, to) => expect(daysOfMonth(month)).toEqual({ from: `${month}-01`, to }));

  test.each(['2024-13', '2024-2', '2024', '2024-02-01', '', '0000-01', '2024-02\n'])('%j is none', (text) =>
    expect(monthFault(text, '2026-01-01')?.message).toContain('YYYY-MM'),
  );

  test('is over on the day after its last', () => {
    expect(monthFault('2024-02', '2024-02-29')?.message).toContain('over');
    expect(monthFault('2024-02', '2024-03-01')).toBeUndefined();
  });
});

describe('the report of a month', () => {
  const before = report([figures(5), figures(7)], figures(12));

  test('has no figure as invoiced while the month is open', () => {
    expect(monthReport('2024-02', before, undefined)).toEqual({
      ...{ tenantId: 'acme', month: '2024-02', closed: null, asInvoiced: null, since: null },
      now: figures(12),
    });
  });

  test('keeps the figure as invoiced, and shows apart what arrived later, by day', () => {
    const now = report([figures(5), figures(10, { activeUsers: 3 })], figures(15, { activeUsers: 3 }));
    const closed = { closedAtMs: 0, author: 'cli', report: before };
    const { totals, daily, asOf } = before;
    expect(monthReport('2024-02', now, closed)).toEqual({
      ...{ tenantId: 'acme', month: '2024-02', closed: { at: '1970-01-01T00:00:00.000Z', author: 'cli' } },
      asInvoiced: { totals, daily, asOf },
      since: {
        totals: { apiCalls: 3, storageBytes: 0, activeUsers: 2 },
        days: [{ date: '2024-02-02', asInvoiced: figures(7), now: figures(10, { activeUsers: 3 }) }],
      },
      now: now.totals,
    });
  });

  test('shows a later correction also where the day is below 0 before and after it', () => {
    const adjusted = (delta: number) =>
      figures(0, { adjustments: { apiCalls: { recorded: 5, delta, belowZero: true } } });
    const closed = { closedAtMs: 0, author: 'cli', report: report([adjusted(-6)], figures(0)) };
    const { since } = monthReport('2024-02', report([adjusted(-7)], figures(0)), closed);
    expect(since?.days.map((day) => day.date)).toEqual(['2024-02-01']);
    expect(monthReport('2024-02', report([adjusted(-6)], figures(0)), closed).since?.days).toEqual([]);
  });

  test('shows what arrived later of meters, also where the month was closed before they were declared', () => {
    const level = { average: 2, peak: 2, last: 2, coverage: 1 };
    const nothing = { average: 0, peak: 0, last: 0, coverage: 0 };
    const correction = { recorded: 5, delta: -1, belowZero: false };
    const since = (then: Partial<UsageFigures>, now: Partial<UsageFigures>) => {
      const closed = { closedAtMs: 0, author: 'cli', report: report([figures(1, then)], figures(1, then)) };
      return monthReport('2024-02', report([figures(1, now)], figures(1, now)), closed).since;
    };
    expect(since({}, { meters: { tokens: 5 }, overage: { units: 2 } })).toMatchObject({
      totals: { apiCalls: 0, meters: { tokens: 5 }, overage: { units: 2 } },
      days: [{ date: '2024-02-01' }],
    });
    expect(since({ meters: { tokens: 5 } }, { meters: { tokens: 3 } })?.totals.meters).toEqual({ tokens: -2 });
    expect(since({}, { meters: { seats: 0 }, levels: { seats: nothing } })?.days).toEqual([]);
    // The ledger keeps a report with its members in an order of its own.
    const kept = { coverage: 1, last: 2, peak: 2, average: 2 };
    const same = { meters: { seats: 2 }, meterAdjustments: { tokens: correction } };
    expect(since({ ...same, levels: { seats: kept } }, { ...same, levels: { seats: level } })?.days).toEqual([]);
    expect(since({ levels: { seats: kept } }, { levels: { seats: { ...level, peak: 9 } } })?.days).toHaveLength(1);
    const other = { meterAdjustments: { tokens: { ...correction, delta: -2 } } };
    expect(since({ meterAdjustments: { tokens: correction } }, other)?.days).toHaveLength(1);
  });
});
