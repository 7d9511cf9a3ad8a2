// Storage days are what their points integrate to, in whatever order the points arrive. All days are of UTC.
import assert from 'node:assert/strict';
import type { StorageDay } from '../core/usage/storageIntegral.js';
import type { StoragePointRow } from '../ports/usageLedger.js';
import { batchOf, caseOf, freshTenant, type UsageLedgerCase, uuidAt } from './usageLedgerCase.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;

export const ledgerStorageCases: readonly UsageLedgerCase[] = [
  caseOf('a level holds from its second to the end of the day', async (given) => {
    const tenant = freshTenant();
    const { date, startsAt } = await given.dayBefore(3);
    await given.apply({ storage: [point(tenant, startsAt + 6 * HOUR, 100), point(tenant, startsAt + 18 * HOUR, 40)] });
    const expected = day(100n * 12n + 40n * 6n, 18 * HOUR, { peakBytes: 100, lastBytes: 40 }, startsAt + 18 * HOUR);
    assert.deepEqual((await given.day(tenant, date))?.storage, expected);
  }),

  caseOf('a later day begins with the level of the day before it, also in its peak', async (given) => {
    const tenant = freshTenant();
    const [before, later] = [await given.dayBefore(5), await given.dayBefore(3)];
    await given.apply({ storage: [point(tenant, before.startsAt, 50)] });
    await given.apply({ storage: [point(tenant, later.startsAt + 12 * HOUR, 10)] });
    const expected = day(50n * 12n + 10n * 12n, DAY, { peakBytes: 50, lastBytes: 10 }, later.startsAt + 12 * HOUR);
    assert.deepEqual((await given.day(tenant, later.date))?.storage, expected);
    // A day without a point is made when it is asked for, from the level before it; it has no row.
    const between = await given.dayBefore(4);
    const usage = await given.ledger.readUsage(tenant, between.date, between.date);
    assert.deepEqual(usage.days, []);
    assert.equal(usage.storageBefore?.usageDate, before.date);
    assert.equal(usage.storageBefore?.lastBytes, 50);
    assert.equal(usage.storageBefore?.lastAtSeconds, before.startsAt);
  }),

  caseOf('a point that arrives late changes its own day and those after it', async (given) => {
    const tenant = freshTenant();
    const [early, later] = [await given.dayBefore(6), await given.dayBefore(2)];
    await given.apply({ storage: [point(tenant, later.startsAt + 12 * HOUR, 10)] });
    assert.equal((await given.day(tenant, later.date))?.storage?.coveredMs, 12 * HOUR * 1000);
    await given.apply({ storage: [point(tenant, early.startsAt + 23 * HOUR, 70)] });
    const expectedEarly = day(70n, HOUR, { peakBytes: 70, lastBytes: 70 }, early.startsAt + 23 * HOUR);
    assert.deepEqual((await given.day(tenant, early.date))?.storage, expectedEarly);
    const expected = day(70n * 12n + 10n * 12n, DAY, { peakBytes: 70, lastBytes: 10 }, later.startsAt + 12 * HOUR);
    assert.deepEqual((await given.day(tenant, later.date))?.storage, expected);
  }),

  caseOf('of two levels in one second the later id holds, whichever arrives first', async (given) => {
    const { date, startsAt } = await given.dayBefore(2);
    const [earlier, later] = ['1', '2'].map((digit) => uuidAt(startsAt * 1000, digit.repeat(18)));
    for (const order of [
      [earlier, later],
      [later, earlier],
    ]) {
      const tenant = freshTenant();
      for (const id of order) {
        const bytes = id === later ? 222 : 111;
        await given.apply({ storage: [{ ...point(tenant, startsAt, bytes), id: id ?? '' }] });
      }
      assert.equal((await given.day(tenant, date))?.storage?.lastBytes, 222);
      assert.equal((await given.day(tenant, date))?.storage?.peakBytes, 222);
    }
  }),

  caseOf('the same point again changes nothing', async (given) => {
    const tenant = freshTenant();
    const { date, startsAt } = await given.dayBefore(2);
    const storage = [point(tenant, startsAt, 8)];
    await given.apply({ storage });
    const before = await given.day(tenant, date);
    await given.apply({ storage: [...storage, ...storage] });
    assert.deepEqual(await given.day(tenant, date), before);
    assert.equal((await given.ledger.readUsage(tenant, date, date)).pointsOfLastDate.length, 1);
  }),

  caseOf('the points of the last date come back, oldest first, and no others', async (given) => {
    const tenant = freshTenant();
    const { date, startsAt } = await given.dayBefore(1);
    const at = [startsAt + DAY, startsAt + DAY - 1, startsAt + 5, startsAt, startsAt - 1];
    const storage = at.map((atSeconds) => point(tenant, atSeconds, atSeconds - startsAt + DAY));
    await given.apply({ storage });
    const { pointsOfLastDate } = await given.ledger.readUsage(tenant, date, date);
    assert.deepEqual(pointsOfLastDate, [storage[3], storage[2], storage[1]]);
  }),

  caseOf('byte-milliseconds beyond 2^53 are exact', async (given) => {
    const tenant = freshTenant();
    const { date, startsAt } = await given.dayBefore(2);
    await given.apply({ storage: [point(tenant, startsAt, Number.MAX_SAFE_INTEGER)] });
    const storage = (await given.day(tenant, date))?.storage;
    assert.equal(storage?.byteMs, BigInt(Number.MAX_SAFE_INTEGER) * 86_400_000n);
    assert.equal(storage?.peakBytes, Number.MAX_SAFE_INTEGER);
  }),

  caseOf('levels that several report at once are all in the day', async (given) => {
    const tenant = freshTenant();
    const { date, startsAt } = await given.dayBefore(2);
    const report = async (ledger: (typeof given)['ledger'], index: number) => {
      const storage = [point(tenant, startsAt + index * HOUR, index + 1)];
      return ledger.apply(batchOf(await given.producer(), 0, 1, { storage }));
    };
    const hours = await given.others(24);
    await Promise.all(hours.map(report));
    const byteHours = hours.reduce((sum, _, index) => sum + BigInt(index + 1), 0n);
    const expected = day(byteHours, DAY, { peakBytes: 24, lastBytes: 24 }, startsAt + 23 * HOUR);
    assert.deepEqual((await given.day(tenant, date))?.storage, expected);
  }),
];

const point = (tenantId: string, atSeconds: number, bytes: number): StoragePointRow => ({
  tenantId,
  atSeconds,
  bytes,
  id: uuidAt(atSeconds * 1000),
});

const day = (
  byteHours: bigint,
  coveredSeconds: number,
  levels: Pick<StorageDay, 'peakBytes' | 'lastBytes'>,
  lastAtSeconds: number,
): StorageDay => ({ byteMs: byteHours * 3_600_000n, coveredMs: coveredSeconds * 1000, ...levels, lastAtSeconds });
