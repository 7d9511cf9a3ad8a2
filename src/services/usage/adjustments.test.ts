// What is checked before a correction is booked, and what becomes of a key that was used before.
import { expect, test, vi } from 'vitest';
import { hasCode } from '../../core/errors.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import type { AdjustmentOutcome, UsageBookings } from '../../ports/usageBookings.js';
import { Adjustments } from './adjustments.js';

const NOW = Date.UTC(2024, 2, 1, 12);
const REQUEST = { date: '2024-02-29', meter: 'api_calls', delta: -3, reason: 'counted twice' };
const ORIGIN = { idempotencyKey: 'k-1', author: 'admin' };
const BOOKED = { usageDate: REQUEST.date, ...REQUEST, author: 'admin', adjustedAtMs: NOW };

function given(outcome: AdjustmentOutcome, known: { hasSetting?: boolean; hasUsage?: boolean } = { hasUsage: true }) {
  const adjust = vi.fn<UsageBookings['adjust']>(async () => outcome);
  const adjustments = new Adjustments({
    bookings: { adjust, readAdjustments: async () => [] },
    quotaOf: () => ({ hasSetting: known.hasSetting ?? false, calendar: UTC_CALENDAR }),
    hasUsage: async () => known.hasUsage ?? false,
    meters: new Map(),
    clock: { wallMs: () => NOW, monotonicMs: () => 0 },
  });
  return { adjust, adjustments };
}

test('the first booking and a repeat answer the same', async () => {
  for (const outcome of ['booked', 'repeated'] as const) {
    const { adjustments } = given({ outcome, adjustment: BOOKED });
    expect(await adjustments.adjust('acme', REQUEST, ORIGIN)).toBe(BOOKED);
  }
});

test('a key belongs to its tenant and letters, not to its content', async () => {
  const { adjust, adjustments } = given({ outcome: 'booked', adjustment: BOOKED });
  await adjustments.adjust('acme', REQUEST, ORIGIN);
  await adjustments.adjust('acme', { ...REQUEST, delta: 5 }, ORIGIN);
  await adjustments.adjust('acme', REQUEST, { ...ORIGIN, idempotencyKey: 'K-1' });
  const [first, second, third] = adjust.mock.calls.map(([{ key }]) => key.toString('hex'));
  expect(first).toHaveLength(32);
  expect([second === first, third === first]).toEqual([true, false]);
});

test('a key that was used for another correction is a conflict', async () => {
  const { adjustments } = given({ outcome: 'conflict' });
  const refused = adjustments.adjust('acme', REQUEST, ORIGIN);
  await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'idempotency_conflict'));
});

test('a tenant exists by its usage or by its setting; another has nothing to correct', async () => {
  const outcome = { outcome: 'booked', adjustment: BOOKED } as const;
  await given(outcome, { hasSetting: true }).adjustments.adjust('acme', REQUEST, ORIGIN);
  const { adjust, adjustments } = given(outcome, {});
  const refused = adjustments.adjust('acme', REQUEST, ORIGIN);
  await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'tenant_not_found'));
  expect(adjust).not.toHaveBeenCalled();
});

test('a day that has not come for the tenant cannot be corrected, and nothing is booked', async () => {
  const { adjust, adjustments } = given({ outcome: 'booked', adjustment: BOOKED });
  const refused = adjustments.adjust('acme', { ...REQUEST, date: '2024-03-02' }, ORIGIN);
  await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'invalid_request'));
  expect(adjust).not.toHaveBeenCalled();
});
