// The team's own meters: amounts add up, levels are what their points integrate to, and what the quota admitted of one is its usage.
// All days are of UTC.
import assert from 'node:assert/strict';
import type { StorageDay } from '../core/usage/storageIntegral.js';
import type { LedgerMeterDay, LevelPointRow } from '../ports/usageLedger.js';
import { batchOf, type CaseLedger, caseOf, freshTenant, type UsageLedgerCase, uuidAt } from './usageLedgerCase.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const DATE = '2024-02-29';
const NEXT = '2024-03-01';
const MOST = Number.MAX_SAFE_INTEGER;
const WRITERS = 8;

export const ledgerMeterCases: readonly UsageLedgerCase[] = [
  caseOf('amounts of a meter add up by day, and stay at 2^53-1', async (given) => {
    const tenantId = freshTenant();
    await given.apply({ meters: [amountOf(tenantId, 'tokens', 5), amountOf(tenantId, 'rows', MOST - 1)] });
    await given.apply({
      meters: [
        amountOf(tenantId, 'tokens', 7),
        amountOf(tenantId, 'rows', 2),
        { ...amountOf(tenantId, 'tokens', 100), usageDate: NEXT },
      ],
    });
    assert.deepEqual(await meters(given, tenantId, DATE, NEXT), [
      { usageDate: DATE, meter: 'rows', amount: MOST },
      { usageDate: DATE, meter: 'tokens', amount: 12 },
      { usageDate: NEXT, meter: 'tokens', amount: 100 },
    ]);
    // A tenant of which nothing else is known exists, and has no day of calls.
    const { exists, days } = await given.ledger.readUsage(tenantId, DATE, NEXT);
    assert.deepEqual([exists, days], [true, []]);
  }),

  caseOf('a negative amount is put aside, also where the sum of its day would hide it', async (given) => {
    const tenantId = freshTenant();
    await given.apply({ meters: [amountOf(tenantId, 'tokens', 50)] });
    const rows = [amountOf(tenantId, 'tokens', -5), amountOf(tenantId, 'rows', 3)];
    const outcome = await given.ledger.apply(batchOf(await given.producer(), 0, 1, { meters: rows }));
    assert.deepEqual(outcome, { outcome: 'applied', quarantined: 1 });
    assert.deepEqual(await meters(given, tenantId), [
      { usageDate: DATE, meter: 'rows', amount: 3 },
      { usageDate: DATE, meter: 'tokens', amount: 50 },
    ]);
  }),

  caseOf(
    'what the quota admits of a meter is its usage, whether at once or by a commit; its own units are not',
    async (given) => {
      const tenantId = freshTenant();
      const charge = { tenantId, usageDate: DATE, resetNumber: 0, units: 40, denied: 2, unconfirmed: 9, overage: 3 };
      const commit = {
        tenantId,
        usageDate: DATE,
        meter: 'tokens',
        resetNumber: 0,
        units: 500,
        key: Buffer.alloc(16, 1),
      };
      const sums = {
        charges: [
          { ...charge, meter: '' },
          { ...charge, meter: 'tokens' },
          { ...charge, meter: 'tokens', resetNumber: 7 },
          { ...charge, meter: 'rows', units: 0 },
        ],
        commits: [commit, { ...commit, meter: '', key: Buffer.alloc(16, 2) }],
        meters: [amountOf(tenantId, 'tokens', 1)],
      };
      await given.apply(sums);
      await given.apply({ commits: sums.commits });
      assert.deepEqual(await meters(given, tenantId), [
        { usageDate: DATE, meter: 'tokens', amount: 40 + 40 + 500 + 1 },
      ]);
      const { overage } = await given.ledger.readUsage(tenantId, DATE, DATE);
      assert.deepEqual(overage, [
        { usageDate: DATE, meter: '', units: 3 },
        { usageDate: DATE, meter: 'rows', units: 3 },
        { usageDate: DATE, meter: 'tokens', units: 6 },
      ]);
    },
  ),

  caseOf(
    'a level holds from its second on, in its own days and those after it, apart from other meters',
    async (given) => {
      const tenantId = freshTenant();
      const [before, later] = [await given.dayBefore(5), await given.dayBefore(3)];
      await given.apply({
        levels: [
          levelOf(tenantId, 'seats', later.startsAt + 12 * HOUR, 10),
          levelOf(tenantId, 'rooms', later.startsAt, 2),
        ],
        storage: [{ tenantId, atSeconds: later.startsAt, bytes: 999, id: uuidAt(0) }],
      });
      // One that arrives late changes its own day, and through the level that is carried over the later one.
      await given.apply({ levels: [levelOf(tenantId, 'seats', before.startsAt + 23 * HOUR, 50)] });
      const seats = day(50n * 12n + 10n * 12n, DAY, { peakBytes: 50, lastBytes: 10 }, later.startsAt + 12 * HOUR);
      const rooms = day(2n * 24n, DAY, { peakBytes: 2, lastBytes: 2 }, later.startsAt);
      assert.deepEqual(await meters(given, tenantId, later.date, later.date), [
        { usageDate: later.date, meter: 'rooms', amount: 0, level: rooms },
        { usageDate: later.date, meter: 'seats', amount: 0, level: seats },
      ]);
      const usage = await given.ledger.readUsage(tenantId, later.date, later.date);
      const carried = day(50n, HOUR, { peakBytes: 50, lastBytes: 50 }, before.startsAt + 23 * HOUR);
      assert.deepEqual(usage.levelsBefore, [{ usageDate: before.date, meter: 'seats', level: carried }]);
      assert.equal(usage.days[0]?.storage?.lastBytes, 999);
    },
  ),

  caseOf(
    'of two levels in one second the later id holds, whichever arrives first; the same again changes nothing',
    async (given) => {
      const { date, startsAt } = await given.dayBefore(2);
      const [earlier, later] = ['1', '2'].map((digit) => uuidAt(startsAt * 1000, digit.repeat(18)));
      for (const order of [
        [earlier, later, later],
        [later, earlier, earlier],
      ]) {
        const tenantId = freshTenant();
        for (const id of order) {
          const point = { ...levelOf(tenantId, 'seats', startsAt, id === later ? 222 : 111), id: id ?? '' };
          await given.apply({ levels: [point, point] });
        }
        const [seats] = await meters(given, tenantId, date, date);
        assert.deepEqual([seats?.level?.lastBytes, seats?.level?.peakBytes], [222, 222]);
      }
    },
  ),

  caseOf('the points of levels of the last date come back, by meter and oldest first, and no others', async (given) => {
    const tenantId = freshTenant();
    const { date, startsAt } = await given.dayBefore(1);
    const at = [startsAt + DAY, startsAt + DAY - 1, startsAt, startsAt - 1];
    const levels = ['seats', 'rooms'].flatMap((meter) =>
      at.map((second, bytes) => levelOf(tenantId, meter, second, bytes)),
    );
    await given.apply({ levels });
    const { levelPointsOfLastDate } = await given.ledger.readUsage(tenantId, date, date);
    assert.deepEqual(levelPointsOfLastDate, [levels[6], levels[5], levels[2], levels[1]]);
  }),

  caseOf(
    'a level older than what is kept, and one that no table takes, change nothing of the others',
    async (given) => {
      const tenantId = freshTenant();
      const { date, startsAt } = await given.dayBefore(2);
      const old = await given.dayBefore(39);
      const levels = [
        levelOf(tenantId, 'seats', old.startsAt, 7),
        levelOf(tenantId, 'rooms', startsAt, -1),
        levelOf(tenantId, 'seats', startsAt, 4),
      ];
      const outcome = await given.ledger.apply(batchOf(await given.producer(), 0, 1, { levels }));
      assert.deepEqual(outcome, { outcome: 'applied', quarantined: 1 });
      const all = await meters(given, tenantId, old.date, date);
      assert.deepEqual(
        all.map(({ meter, usageDate }) => [meter, usageDate]),
        [['seats', date]],
      );
    },
  ),

  caseOf(
    'of many that add to the same meters and levels at once, nothing is lost and nobody is refused',
    async (given) => {
      const tenants = Array.from({ length: 12 }, freshTenant);
      const { date, startsAt } = await given.dayBefore(2);
      await Promise.all(
        (await given.others(WRITERS)).map(async (ledger, writer) => {
          const turned = [...tenants.slice(writer), ...tenants.slice(0, writer)];
          const sums = {
            meters: turned.map((tenantId) => ({ ...amountOf(tenantId, 'tokens', 3), usageDate: date })),
            // Some report storage, others levels, so that both kinds of locks meet in every order.
            levels: turned
              .filter((_, at) => at % 2 === 0)
              .map((tenantId) => levelOf(tenantId, 'seats', startsAt + writer, 1 + writer)),
            storage: turned
              .filter((_, at) => at % 2 === 1)
              .map((tenantId) => ({ tenantId, atSeconds: startsAt, bytes: 1, id: uuidAt(writer) })),
          };
          const outcome = await ledger.apply(batchOf(await given.producer(), 0, 1, sums));
          assert.deepEqual(outcome, { outcome: 'applied' });
        }),
      );
      for (const tenantId of tenants) {
        const all = await meters(given, tenantId, date, date);
        assert.equal(all.find(({ meter }) => meter === 'tokens')?.amount, 3 * WRITERS);
        const points = (await given.ledger.readUsage(tenantId, date, date)).levelPointsOfLastDate;
        assert.equal(all.find(({ meter }) => meter === 'seats')?.level?.lastBytes, points.at(-1)?.bytes);
      }
    },
  ),
];

const amountOf = (tenantId: string, meter: string, amount: number) => ({ tenantId, usageDate: DATE, meter, amount });

const levelOf = (tenantId: string, meter: string, atSeconds: number, bytes: number): LevelPointRow => ({
  ...{ tenantId, meter, atSeconds, bytes },
  id: uuidAt(atSeconds * 1000),
});

const day = (
  unitHours: bigint,
  coveredSeconds: number,
  levels: Pick<StorageDay, 'peakBytes' | 'lastBytes'>,
  lastAtSeconds: number,
): StorageDay => ({ byteMs: unitHours * 3_600_000n, coveredMs: coveredSeconds * 1000, ...levels, lastAtSeconds });

const meters = async (
  given: CaseLedger,
  tenantId: string,
  from = DATE,
  to = DATE,
): Promise<readonly LedgerMeterDay[]> => (await given.ledger.readUsage(tenantId, from, to)).meters;
