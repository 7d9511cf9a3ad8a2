// Corrections and closed months: booked once, beside what was recorded, and never in its place.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { UsageReport } from '../core/usage/usageReport.js';
import type { Adjustment } from '../ports/usageBookings.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { bookingCase, type UsageBookingCase } from './usageBookingCase.js';
import { callsOf, freshTenant, rejectsWith } from './usageLedgerCase.js';

const DATE = '2024-02-29';
const WRITERS = 8;
const MAX = Number.MAX_SAFE_INTEGER;

export const bookedAdjustmentCases: readonly UsageBookingCase[] = [
  bookingCase('a correction is read beside the day, whose recorded figure stays', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    await usage.apply({ calls: [callsOf(tenantId, DATE, 100)] });
    for (const delta of [-30, 7]) await bookings.adjust(adjustmentOf(tenantId, { delta }));
    await bookings.adjust(adjustmentOf(tenantId, { delta: 5, usageDate: '2024-03-01' }));
    await bookings.adjust(adjustmentOf(tenantId, { delta: 1, usageDate: '2024-03-02' }));
    const { days, adjustments } = await usage.ledger.readUsage(tenantId, DATE, '2024-03-01');
    assert.deepEqual(days, [{ usageDate: DATE, apiCalls: 100, activeUsers: 0 }]);
    assert.deepEqual(adjustments, [
      { usageDate: DATE, meter: 'api_calls', delta: -23 },
      { usageDate: '2024-03-01', meter: 'api_calls', delta: 5 },
    ]);
  }),

  bookingCase('a correction proves a tenant, and another tenant sees none of it', async ({ bookings, usage }) => {
    const [tenantId, other] = [freshTenant(), freshTenant()];
    const adjustment = adjustmentOf(tenantId, {});
    await bookings.adjust(adjustment);
    assert.equal((await usage.ledger.readUsage(tenantId, DATE, DATE)).exists, true);
    const { exists, adjustments } = await usage.ledger.readUsage(other, DATE, DATE);
    assert.deepEqual([exists, adjustments], [false, []]);
    assert.equal((await bookings.adjust({ ...adjustment, tenantId: other })).outcome, 'booked');
  }),

  bookingCase(
    'the same correction again is not booked again, and answers as the first',
    async ({ bookings, usage }) => {
      const adjustment = adjustmentOf(freshTenant(), { author: 'first' });
      const before = await usage.now();
      const first = await bookings.adjust(adjustment);
      assert.ok(first.outcome === 'booked' && first.adjustment.adjustedAtMs >= before);
      const again = await bookings.adjust({ ...adjustment, author: 'second' });
      assert.deepEqual(again, { ...first, outcome: 'repeated' });
      assert.equal(await sumOf(usage.ledger, adjustment.tenantId), adjustment.delta);
    },
  ),

  bookingCase('a key that was used for another correction books nothing', async ({ bookings, usage }) => {
    const adjustment = adjustmentOf(freshTenant(), {});
    await bookings.adjust(adjustment);
    for (const other of [{ delta: 2 }, { usageDate: '2024-03-01' }, { meter: 'tokens' }, { reason: 'another' }]) {
      assert.deepEqual(await bookings.adjust({ ...adjustment, ...other }), { outcome: 'conflict' });
    }
    const { adjustments } = await usage.ledger.readUsage(adjustment.tenantId, DATE, '2024-03-01');
    assert.deepEqual(adjustments, [{ usageDate: DATE, meter: 'api_calls', delta: adjustment.delta }]);
  }),

  bookingCase('of many that send one correction at once, one books it and all get its answer', async (given) => {
    const adjustment = adjustmentOf(freshTenant(), {});
    const outcomes = await Promise.all(
      (await given.others(WRITERS)).map(({ bookings }) => bookings.adjust(adjustment)),
    );
    assert.deepEqual(outcomes.map((one) => one.outcome).sort(), ['booked', ...Array(WRITERS - 1).fill('repeated')]);
    const answers = new Set(outcomes.map((one) => one.outcome !== 'conflict' && JSON.stringify(one.adjustment)));
    assert.equal(answers.size, 1);
    assert.equal(await sumOf(given.usage.ledger, adjustment.tenantId), adjustment.delta);
  }),

  bookingCase('sums of corrections saturate on both sides', async ({ bookings, usage }) => {
    for (const delta of [MAX, -MAX]) {
      const tenantId = freshTenant();
      for (const _ of [1, 2]) await bookings.adjust(adjustmentOf(tenantId, { delta }));
      assert.equal(await sumOf(usage.ledger, tenantId), delta);
    }
  }),

  bookingCase('what the tables cannot hold is refused, and books nothing', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    for (const bad of [{ delta: 0 }, { delta: 2 ** 53 }, { reason: 'a\0b' }, { usageDate: '2024-02-30' }]) {
      await rejectsWith('ledger_refused', bookings.adjust(adjustmentOf(tenantId, bad)));
    }
    assert.equal((await usage.ledger.readUsage(tenantId, DATE, DATE)).exists, false);
  }),

  bookingCase(
    'corrections are listed with reason and author, the oldest first, up to a number',
    async ({ bookings }) => {
      const tenantId = freshTenant();
      const given = [1, 2, 3, 4].map((delta) => adjustmentOf(tenantId, { delta, reason: `no ${delta}`, author: 'me' }));
      const booked = [];
      for (const adjustment of given) {
        const outcome = await bookings.adjust(adjustment);
        if (outcome.outcome === 'booked') booked.push(outcome.adjustment);
      }
      const range = { tenantId, from: DATE, to: DATE };
      const sorted = [...(await bookings.readAdjustments({ ...range, most: 10 }))].sort((a, b) => a.delta - b.delta);
      assert.deepEqual(sorted, booked);
      assert.equal((await bookings.readAdjustments({ ...range, most: 3 })).length, 3);
      assert.deepEqual(await bookings.readAdjustments({ ...range, to: '2024-02-28', from: '2024-02-01', most: 9 }), []);
    },
  ),

  bookingCase('a closed month keeps what was reported, whoever closes it again', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    await usage.apply({ calls: [callsOf(tenantId, DATE, 100)] });
    assert.equal(await bookings.readClosedPeriod(tenantId, '2024-02'), undefined);
    const closed = await bookings.closePeriod({
      tenantId,
      month: '2024-02',
      author: 'first',
      report: reportOf(tenantId, 100),
    });
    assert.deepEqual([closed.author, closed.report], ['first', reportOf(tenantId, 100)]);
    await usage.apply({ calls: [callsOf(tenantId, DATE, 1)] });
    const again = { tenantId, month: '2024-02', author: 'second', report: reportOf(tenantId, 101) };
    assert.deepEqual(await bookings.closePeriod(again), closed);
    assert.deepEqual(await bookings.readClosedPeriod(tenantId, '2024-02'), closed);
    assert.equal(await usage.calls(tenantId, DATE), 101);
  }),

  bookingCase('a reading names the closed months that it touches', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    for (const month of ['2024-03', '2024-02', '2023-12']) {
      await bookings.closePeriod({ tenantId, month, author: 'case', report: reportOf(tenantId, 0) });
    }
    const months = async (from: string, to: string) => (await usage.ledger.readUsage(tenantId, from, to)).closedMonths;
    assert.deepEqual(await months('2024-01-01', '2024-03-01'), ['2024-02', '2024-03']);
    assert.deepEqual(await months('2024-01-01', '2024-01-31'), []);
    assert.deepEqual((await usage.ledger.readUsage(freshTenant(), '2024-02-01', '2024-02-29')).closedMonths, []);
  }),

  bookingCase('of many that close a month at once, all get what one of them kept', async (given) => {
    const tenantId = freshTenant();
    const closed = await Promise.all(
      (await given.others(WRITERS)).map(({ bookings }, index) =>
        bookings.closePeriod({ tenantId, month: '2024-02', author: `no ${index}`, report: reportOf(tenantId, index) }),
      ),
    );
    assert.equal(new Set(closed.map((one) => JSON.stringify(one))).size, 1);
  }),
];

const adjustmentOf = (tenantId: string, given: Partial<Adjustment>): Adjustment => ({
  ...{ tenantId, key: randomBytes(16), usageDate: DATE, meter: 'api_calls', delta: -1 },
  ...{ reason: 'counted twice', author: 'case' },
  ...given,
});

async function sumOf(ledger: Pick<UsageLedger, 'readUsage'>, tenantId: string): Promise<number> {
  const { adjustments } = await ledger.readUsage(tenantId, DATE, DATE);
  return adjustments.reduce((sum, { delta }) => sum + delta, 0);
}

function reportOf(tenantId: string, apiCalls: number): UsageReport {
  const figures = { apiCalls, storageBytes: 0, activeUsers: 0, storageCoverage: 0 };
  const period = { from: '2024-02-01', to: DATE };
  return { tenantId, period, totals: figures, daily: [{ date: DATE, ...figures }], asOf: '2024-03-01T00:00:00.000Z' };
}
