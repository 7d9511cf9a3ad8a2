// Writers that touch the same rows in different orders wait for each other, and neither fail nor lose anything. Each kind of row
// races by itself as well: in a whole batch the locks of one kind would hide the order of the next.
import assert from 'node:assert/strict';
import type { UsageSums } from '../ports/usageLedger.js';
import {
  batchOf,
  type CaseLedger,
  callsOf,
  caseOf,
  freshHash,
  freshTenant,
  type UsageLedgerCase,
  uuidAt,
} from './usageLedgerCase.js';

const WRITERS = 8;
const ROUNDS = 4;
const BATCHES = WRITERS * ROUNDS;
// Enough rows that two statements are under way at once: with a few the wrong order would pass most of the time.
const TENANTS = 400;
const DATE = '2024-01-09';

/** What one writer sends in one round, for tenants in an order of its own. */
type Rows = (order: readonly string[], writer: number, round: number) => Partial<UsageSums>;

async function race(given: CaseLedger, rows: Rows, count: number = TENANTS): Promise<string[]> {
  const tenants = Array.from({ length: count }, freshTenant);
  const write = async (ledger: CaseLedger['ledger'], writer: number) => {
    const producerId = await given.producer();
    for (let round = 0; round < ROUNDS; round++) {
      const order = shuffled(tenants, writer * 7 + round * 3);
      const batch = batchOf(producerId, round, round + 1, rows(order, writer, round));
      assert.deepEqual(await ledger.apply(batch), { outcome: 'applied' });
    }
  };
  await Promise.all((await given.others(WRITERS)).map(write));
  return tenants;
}

export const ledgerRaceCases: readonly UsageLedgerCase[] = [
  caseOf('calls of many writers, in any order, are all there', async (given) => {
    const tenants = await race(given, callRows);
    for (const tenant of some(tenants)) assert.equal(await given.calls(tenant, DATE), BATCHES);
  }),

  caseOf('charges of many writers, in any order, are all there', async (given) => {
    const tenants = await race(given, chargeRows);
    assert.deepEqual(
      await given.ledger.sumCharges(tenants.map(chargesOf)),
      tenants.map(() => 2 * BATCHES),
    );
  }),

  caseOf('the days of users that many writers report, in any order, are all there', async (given) => {
    const hashes = Array.from({ length: 3 }, freshHash);
    // Days of its own for each writer, new ones in each round: no day's row orders them, only those of the users.
    const dayIndex = (writer: number, round: number) => writer + WRITERS * Math.min(round, 2);
    const tenants = await race(given, (order, writer, round) => ({
      users: order.flatMap((tenantId) =>
        hashes.map((userHash) => ({ tenantId, month: '2024-01', userHash, dayMask: 1 << dayIndex(writer, round) })),
      ),
    }));
    for (const tenant of some(tenants)) {
      const { days, activeUsers } = await given.ledger.readUsage(tenant, '2024-01-01', '2024-01-31');
      assert.deepEqual(
        days.map((day) => day.activeUsers),
        Array.from({ length: 3 * WRITERS }, () => hashes.length),
      );
      assert.equal(activeUsers, hashes.length);
    }
  }),

  caseOf('storage levels of many writers, in any order, are all there', async (given) => {
    const { date, startsAt } = await given.dayBefore(1);
    const tenants = await race(given, levelRows(startsAt), 100);
    for (const tenant of some(tenants)) await hasAllLevels(given, tenant, date);
  }),

  caseOf('whole batches of many writers, in any order, are all there', async (given) => {
    const { date, startsAt } = await given.dayBefore(1);
    const levels = levelRows(startsAt);
    const tenants = await race(given, (order, writer, round) => ({
      ...callRows(order),
      ...chargeRows(order),
      // Few of them, so that not everybody waits at the first lock.
      ...levels(order.slice(0, 20), writer, round),
      users: order.map((tenantId) => ({
        tenantId,
        month: '2024-01',
        userHash: Buffer.alloc(16, writer),
        dayMask: 1 << 8,
      })),
    }));
    for (const tenant of some(tenants)) {
      const day = await given.day(tenant, DATE);
      assert.deepEqual({ calls: day?.apiCalls, users: day?.activeUsers }, { calls: BATCHES, users: WRITERS });
      const last = (await given.day(tenant, date))?.storage;
      assert.ok(last === undefined || last.peakBytes >= last.lastBytes);
    }
    assert.deepEqual(
      await given.ledger.sumCharges(tenants.map(chargesOf)),
      tenants.map(() => 2 * BATCHES),
    );
  }),
];

const callRows = (order: readonly string[]): Partial<UsageSums> => ({
  calls: order.map((tenantId) => callsOf(tenantId, DATE, 1)),
});

const chargeRows = (order: readonly string[]): Partial<UsageSums> => ({
  charges: order.map((tenantId) => ({
    ...{ tenantId, usageDate: DATE, meter: '', resetNumber: 0 },
    ...{ units: 2, denied: 1, unconfirmed: 0, overage: 0 },
  })),
});

const chargesOf = (tenantId: string) => ({ tenantId, meter: '', resetNumber: 0, firstDate: DATE, lastDate: DATE });

/** One level a batch, each in a second of its own: a minute of levels from 1 to the number of batches. */
const levelRows =
  (startsAt: number): Rows =>
  (order, writer, round) => {
    const number = writer * ROUNDS + round;
    const id = uuidAt(startsAt * 1000);
    return { storage: order.map((tenantId) => ({ tenantId, atSeconds: startsAt + number, bytes: number + 1, id })) };
  };

async function hasAllLevels(given: CaseLedger, tenantId: string, date: string): Promise<void> {
  const storage = (await given.day(tenantId, date))?.storage;
  // Each holds for one second, the last to the end of the day.
  const seconds = (BATCHES * (BATCHES + 1)) / 2 + (86_400 - BATCHES) * BATCHES;
  assert.equal(storage?.byteMs, BigInt(seconds) * 1000n);
  assert.equal(storage?.coveredMs, 86_400_000);
}

/** Enough of them to look at one by one. */
const some = (tenants: readonly string[]): readonly string[] => tenants.slice(0, 20);

/** An order that differs by `seed` and is the same on each run. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  let state = seed + 1;
  const keyed = items.map((item) => {
    state = (state * 48_271) % 2_147_483_647;
    return { item, key: state };
  });
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
