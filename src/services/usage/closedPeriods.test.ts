// When a month can be closed, and that the figure as invoiced is the one of the first close.
import { expect, test } from 'vitest';
import { hasCode } from '../../core/errors.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import type { Completeness } from '../../core/usage/completeness.js';
import type { UsageReport } from '../../core/usage/usageReport.js';
import type { ClosedPeriod } from '../../ports/usageBookings.js';
import { ClosedPeriods } from './closedPeriods.js';

const MARCH = Date.UTC(2024, 2, 1, 0, 0, 1);

/** One that has flushed up to an instant. */
const producer = (pid: number, isLive: boolean, flushedUntilMs: number) => ({
  ...{ producerId: `p${pid}`, host: 'here', pid, lastRecord: 1, hasJournal: true, lastSeenAtMs: 0 },
  ...{ isLive, flushedUntilMs },
});

function given({ nowMs = MARCH, timeZone = 'UTC', billingAnchorDay = 1 } = {}) {
  const state = { apiCalls: 10, complete: true, asOfMs: nowMs, kept: undefined as ClosedPeriod | undefined };
  const report = (): UsageReport & Completeness => ({
    tenantId: 'acme',
    period: { from: '2024-02-01', to: '2024-02-29' },
    totals: { apiCalls: state.apiCalls, storageBytes: 0, activeUsers: 0, storageCoverage: 0 },
    daily: [],
    asOf: new Date(state.asOfMs).toISOString(),
    ...{ complete: state.complete, gaps: [] },
  });
  const periods = new ClosedPeriods({
    bookings: {
      closePeriod: async (period) => {
        state.kept ??= { ...period, closedAtMs: nowMs };
        return state.kept;
      },
      readClosedPeriod: async () => state.kept,
    },
    usageService: { query: async () => report() },
    upkeep: { openProducers: async () => [producer(1, true, MARCH), producer(2, true, 0), producer(3, false, 0)] },
    quotaOf: () => ({ calendar: { ...UTC_CALENDAR, timeZone, billingAnchorDay } }),
    clock: { wallMs: () => nowMs, monotonicMs: () => 0 },
  });
  return { state, periods };
}

test('the figure as invoiced is that of the first close, whatever comes later and whoever closes again', async () => {
  const { state, periods } = given();
  expect((await periods.read('acme', '2024-02')).closed).toBeNull();
  expect((await periods.close('acme', '2024-02', { author: 'ann' })).asInvoiced?.totals.apiCalls).toBe(10);
  state.apiCalls = 13;
  // It needs nothing any more that may still be on its way.
  state.asOfMs = 0;
  for (const answer of [
    await periods.close('acme', '2024-02', { author: 'bob' }),
    await periods.read('acme', '2024-02'),
  ]) {
    expect(answer.closed?.author).toBe('ann');
    expect([answer.asInvoiced?.totals.apiCalls, answer.since?.totals.apiCalls, answer.now.apiCalls]).toEqual([
      10, 3, 13,
    ]);
  }
});

test('a month is over when it is over for the tenant', async () => {
  const [west, east] = [given({ timeZone: 'America/New_York' }), given({ timeZone: 'UTC' })];
  const refused = west.periods.close('acme', '2024-02', { author: 'ann' });
  await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'invalid_request'));
  expect(west.state.kept).toBeUndefined();
  await east.periods.close('acme', '2024-02', { author: 'ann' });
});

test('a month is not closed while usage of it waits in this process', async () => {
  const { state, periods } = given();
  state.asOfMs = Date.UTC(2024, 1, 29, 23, 59, 59);
  const refused = periods.close('acme', '2024-02', { author: 'ann' });
  await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'ledger_unavailable'));
  expect(state.kept).toBeUndefined();
  state.asOfMs = Date.UTC(2024, 2, 1);
  expect((await periods.close('acme', '2024-02', { author: 'ann' })).closed).not.toBeNull();
});

test('a month that is not complete is closed only where that is said, and what is kept says it too', async () => {
  const { state, periods } = given({ nowMs: MARCH + 30_000 });
  state.complete = false;
  // Neither may have brought what it booked to the last day; the dead one is nobody who lives.
  const refusal =
    /process 1 on here has brought usage up to 2024-03-01T00:00:01.000Z; process 2 on here has brought nothing yet\./;
  await expect(periods.close('acme', '2024-02', { author: 'ann' })).rejects.toThrow(refusal);
  expect(state.kept).toBeUndefined();
  const closed = await periods.close('acme', '2024-02', { author: 'ann', incomplete: true });
  expect(closed.closed).toMatchObject({ author: 'ann', complete: false });
});

test('a tenant that is billed by other months is told which', async () => {
  const { periods } = given({ billingAnchorDay: 15 });
  const billed = [
    { from: '2024-01-15', to: '2024-02-14' },
    { from: '2024-02-15', to: '2024-03-14' },
  ];
  expect((await periods.close('acme', '2024-02', { author: 'ann' })).billingMonths).toEqual(billed);
  expect(await given().periods.read('acme', '2024-02')).not.toHaveProperty('billingMonths');
});
