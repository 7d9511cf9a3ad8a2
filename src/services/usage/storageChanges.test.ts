// Which changes of storage can be booked, and what makes a repeat one.
import { expect, test, vi } from 'vitest';
import { hasCode } from '../../core/errors.js';
import type { StorageChangeOutcome, UsageBookings } from '../../ports/usageBookings.js';
import { StorageChanges } from './storageChanges.js';

const NOW = Date.UTC(2026, 10, 24, 12);
const DAY = 86_400_000;

function given({ outcome = { outcome: 'booked', atMs: NOW } as StorageChangeOutcome, metering = true } = {}) {
  const addStorage = vi.fn<UsageBookings['addStorage']>(async () => outcome);
  let nowMs = NOW;
  const clock = { wallMs: () => nowMs++, monotonicMs: () => 0 };
  return { addStorage, changes: new StorageChanges({ bookings: { addStorage }, metering, clock }) };
}

const CHANGE = { add: 5, atMs: undefined, idempotencyKey: 'k-1' };

test('a change without a time is of now, and a repeat that comes later is the same change', async () => {
  const { addStorage, changes } = given();
  expect(await changes.add('acme', CHANGE)).toBe(NOW);
  await changes.add('acme', CHANGE);
  const [first, second] = addStorage.mock.calls.map(([change]) => change);
  expect([first?.atMs, second?.atMs]).toEqual([NOW, NOW + 1]);
  expect([second?.key, second?.content]).toEqual([first?.key, first?.content]);
});

test('other bytes and another time are other content, under the same key', async () => {
  const { addStorage, changes } = given();
  for (const more of [{}, { add: -5 }, { atMs: NOW }, { atMs: NOW - 1_000 }])
    await changes.add('acme', { ...CHANGE, ...more });
  const asked = addStorage.mock.calls.map(([change]) => change);
  expect(new Set(asked.map(({ content }) => content.toString('hex'))).size).toBe(4);
  expect(new Set(asked.map(({ key }) => key.toString('hex'))).size).toBe(1);
});

test.each([
  ['more than 35 days back', { atMs: NOW - 35 * DAY - 60_000 }, 'at'],
  ['more than 5 minutes ahead', { atMs: NOW + 6 * 60_000 }, 'at'],
  ['a fraction', { add: 0.5 }, 'add'],
  ['more than can be counted', { add: -(2 ** 53) }, 'add'],
])('%s is refused, and nothing is booked', async (_, more, location) => {
  const { addStorage, changes } = given();
  const refused = changes.add('acme', { ...CHANGE, ...more });
  await expect(refused).rejects.toMatchObject({ code: 'invalid_request', faults: [{ location }] });
  expect(addStorage).not.toHaveBeenCalled();
});

test('a key that was used for another change is a conflict', async () => {
  const refused = given({ outcome: { outcome: 'conflict' } }).changes.add('acme', CHANGE);
  await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'idempotency_conflict'));
});

test('where nothing is metered, no change is taken for booked', async () => {
  const refused = given({ metering: false }).changes.add('acme', CHANGE);
  await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'not_supported'));
});
