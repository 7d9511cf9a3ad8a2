// The conformance suite of a ledger's upkeep: what callers of the port may rely on, for every ledger alike. Needs no test framework.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { addDays, dateAt, UTC_CALENDAR } from '../core/time/calendar.js';
import type { LedgerUpkeep, QuarantinedRow } from '../ports/ledgerUpkeep.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { ledgerAgreementCases } from './ledgerAgreementCases.js';
import { ledgerFlushedCases } from './ledgerFlushedCases.js';
import { batchOf, CaseLedger, callsOf, freshHash, freshTenant, instantOf, uuidAt } from './usageLedgerCase.js';

/** One ledger by its two ports, as another process would have it. */
export interface UpkeepStores {
  readonly ledger: UsageLedger;
  readonly upkeep: LedgerUpkeep;
}

/** One guarantee of the port, as a run that throws where it does not hold. */
export interface LedgerUpkeepCase {
  /** The guarantee, in words. */
  readonly name: string;
  /** Rejects with node:assert's AssertionError where the guarantee is broken. */
  run(makeStores: () => UpkeepStores): Promise<void>;
}

const DATE = '2024-02-29';
const ALL = 10_000;
const AT_ONCE = 6;
const DAY_MS = 86_400_000;

const upkeepCase = (
  name: string,
  body: (usage: CaseLedger, upkeep: LedgerUpkeep, others: () => UpkeepStores) => Promise<void>,
): LedgerUpkeepCase => ({
  name,
  run: async (makeStores) => {
    const { ledger, upkeep } = makeStores();
    await body(new CaseLedger(ledger, () => makeStores().ledger), upkeep, makeStores);
  },
});

export const ledgerUpkeepCases: readonly LedgerUpkeepCase[] = [
  upkeepCase('a row that was put aside is shown with its reason, content and records', async (usage, upkeep) => {
    const before = await usage.now();
    const { row, tenantId, producerId } = await putAside(usage, upkeep);
    assert.deepEqual([row.producerId, row.from, row.to, row.kind], [producerId, 0, 2, 'call']);
    assert.deepEqual(JSON.parse(row.content), { tenantId, usageDate: DATE, apiCalls: -1 });
    assert.ok(row.reason.length > 0 && row.quarantinedAtMs >= before);
    const { total, rows } = await upkeep.quarantined(1);
    assert.ok(rows.length === 1 && total >= 1);
  }),

  upkeepCase('a row that is refused still stays where it is, and changes nothing', async (usage, upkeep) => {
    const { row, tenantId } = await putAside(usage, upkeep);
    const outcome = await upkeep.retryQuarantined(row.id);
    assert.ok(outcome.outcome === 'refused' && outcome.reason.length > 0);
    assert.deepEqual(await found(upkeep, row.id), row);
    assert.equal(await usage.calls(tenantId, DATE), 0);
  }),

  upkeepCase('a row is discarded once, whoever asks, and returned to that one', async (usage, upkeep, others) => {
    const { row } = await putAside(usage, upkeep);
    const asked = Array.from({ length: AT_ONCE }, () => others().upkeep.discardQuarantined(row.id));
    const got = (await Promise.all(asked)).filter((one) => one !== undefined);
    assert.deepEqual(got, [row]);
    assert.equal(await found(upkeep, row.id), undefined);
    assert.deepEqual(await upkeep.retryQuarantined(row.id), { outcome: 'unknown' });
    assert.equal(await upkeep.discardQuarantined(randomUUID()), undefined);
  }),

  upkeepCase('gaps are told with their reason, the latest first, and how many there are', async (usage, upkeep) => {
    const producerId = await usage.producer();
    const before = (await upkeep.gaps(1)).total;
    for (const from of [3, 9]) await usage.ledger.recordGap({ producerId, from, to: from + 2, reason: `no ${from}` });
    const { total, gaps } = await upkeep.gaps(ALL);
    assert.equal(total, before + 2);
    const own = gaps.filter((gap) => gap.producerId === producerId);
    assert.deepEqual(own.map(({ from, to, reason }) => [from, to, reason]).sort(), [
      [3, 5, 'no 3'],
      [9, 11, 'no 9'],
    ]);
    assert.equal((await upkeep.gaps(1)).gaps.length, 1);
  }),

  upkeepCase('a producer is open until it closes, and live where it was just seen', async (usage, upkeep) => {
    const before = await usage.now();
    const [open, closed] = [await usage.producer(), await usage.producer()];
    await usage.ledger.apply(batchOf(open, 0, 7, { calls: [callsOf(freshTenant(), DATE, 1)] }));
    await usage.ledger.touchProducer(closed, true);
    const producers = await upkeep.openProducers();
    const { lastSeenAtMs, ...rest } = producers.find((one) => one.producerId === open) ?? assert.fail();
    assert.deepEqual(rest, {
      producerId: open,
      host: 'case',
      pid: 1,
      lastRecord: 7,
      hasJournal: false,
      isLive: true,
      flushedUntilMs: 0,
    });
    assert.ok(lastSeenAtMs >= before);
    assert.equal(
      producers.some((one) => one.producerId === closed),
      false,
    );
  }),

  upkeepCase(
    'sums of charges come with the positions of the producers whose records are in them',
    async (usage, upkeep) => {
      const [tenantId, producerId, idle] = [freshTenant(), await usage.producer(), await usage.producer()];
      const charge = (usageDate: string, units: number, more: object = {}) => ({
        ...{ tenantId, usageDate, meter: '', resetNumber: 2, units, denied: 9, unconfirmed: 1, overage: 0 },
        ...more,
      });
      const others = [charge(DATE, 50, { meter: 'tokens' }), charge(DATE, 60, { resetNumber: 1 })];
      const of = { tenantId, meter: '', resetNumber: 2, last: DATE };
      const charges = [charge('2024-02-28', 3), charge(DATE, 4), charge('2024-03-01', 70), ...others];
      await usage.ledger.apply(batchOf(producerId, 0, 8, { charges }));
      const ranges = [
        ...['2024-02-28', DATE, '2024-01-01'].map((first) => ({ ...of, first })),
        { ...of, first: DATE, meter: 'tokens' },
        { ...of, first: DATE, tenantId: freshTenant() },
      ];
      const producerIds = [idle, producerId, randomUUID()];
      const { sums, lastRecords } = await upkeep.recorded({ ranges, producerIds });
      assert.deepEqual(sums, [
        { units: 7, unconfirmed: 2 },
        { units: 4, unconfirmed: 1 },
        { units: 7, unconfirmed: 2 },
        { units: 50, unconfirmed: 1 },
        { units: 0, unconfirmed: 0 },
      ]);
      assert.deepEqual([...lastRecords].sort(), [[idle, 0] as const, [producerId, 8] as const].sort());
    },
  ),

  ...ledgerAgreementCases.map(({ name, body }) => upkeepCase(name, body)),

  upkeepCase('what may be missing is told: gaps to all, rows put aside to their own tenant', async (usage, upkeep) => {
    const { tenantId, producerId } = await putAside(usage, upkeep);
    const madeAtMs = instantOf(producerId);
    await usage.ledger.recordGap({ producerId, from: 2, to: 9, reason: 'lost' });
    const today = dateAt(madeAtMs, UTC_CALENDAR);
    const { gaps, quarantinedRows, flushedByAllMs } = await upkeep.missing(tenantId, today);
    const { recordedAtMs, ...gap } = gaps.find((one) => one.producerId === producerId) ?? assert.fail();
    assert.deepEqual(gap, { producerId, from: 2, to: 9, reason: 'lost', producerMadeAtMs: madeAtMs });
    assert.ok(recordedAtMs >= madeAtMs && flushedByAllMs !== undefined && quarantinedRows === 1);
    // A part of its id is somebody else, as is one who quotes it.
    for (const other of [tenantId.slice(0, -1), `x"tenantId":"${tenantId}`]) {
      const known = await upkeep.missing(other, today);
      assert.deepEqual([known.quarantinedRows, known.gaps.length > 0], [0, true]);
    }
    assert.deepEqual((await upkeep.missing(tenantId, addDays(today, 2))).gaps, []);
  }),

  upkeepCase('a gap of a period is told however many came after it', async (usage, upkeep) => {
    const now = await usage.now();
    const producerId = uuidAt(now - 40 * DAY_MS);
    await usage.ledger.recordGap({ producerId, from: 0, to: 1, reason: 'of the period' });
    for (let later = 0; later < 110; later += 1) {
      const gap = { producerId: uuidAt(now + DAY_MS), from: 0, to: 1, reason: 'after it' };
      await usage.ledger.recordGap(gap);
    }
    const { gaps } = await upkeep.missing(freshTenant(), dateAt(now - 40 * DAY_MS, UTC_CALENDAR));
    assert.ok(gaps.some((gap) => gap.producerId === producerId));
  }),

  ...ledgerFlushedCases.map(({ name, body }) => upkeepCase(name, body)),

  upkeepCase(
    'a user that is erased changes no count, over no range; later it is somebody new',
    async (usage, upkeep) => {
      const [tenantId, other] = [freshTenant(), freshTenant()];
      const [ann, bob] = [freshHash(), freshHash()];
      const active = (tenant: string, userHash: Buffer, month: string, dayMask: number) => ({
        ...{ tenantId: tenant, userHash, month, dayMask },
      });
      const users = [
        active(tenantId, ann, '2024-01', 0b101),
        active(tenantId, ann, '2024-02', 0b11),
        active(tenantId, ann, '2023-12', 1 << 30),
        active(tenantId, bob, '2024-01', 0b110),
        active(other, ann, '2024-01', 0b1),
      ];
      await usage.apply({ users });
      const before = await countsOf(usage, tenantId);
      assert.equal(await upkeep.eraseUser(tenantId, ann), 3);
      assert.deepEqual(await countsOf(usage, tenantId), before);
      assert.equal(await upkeep.eraseUser(tenantId, ann), 0);
      await usage.apply({ users: [active(tenantId, ann, '2024-02', 0b10), active(other, ann, '2024-01', 0b1)] });
      const { days, activeUsers } = await usage.ledger.readUsage(tenantId, '2024-02-02', '2024-02-02');
      assert.deepEqual([days[0]?.activeUsers, activeUsers], [2, 2]);
      assert.equal((await usage.day(other, '2024-01-01'))?.activeUsers, 1);
    },
  ),

  upkeepCase(
    'counts of days and of ranges agree, also where a user is erased while being active',
    async (usage, upkeep) => {
      const tenantId = freshTenant();
      const userHash = freshHash();
      const writers = Array.from({ length: AT_ONCE }, async () => {
        for (let day = 1; day <= 8; day++) {
          // Each batch repeats the days before: those of an erased user count anew, but alike in both counts.
          const dayMask = 2 ** day - 1;
          await usage.apply({ users: [{ tenantId, userHash, month: '2024-01', dayMask }] });
          await upkeep.eraseUser(tenantId, userHash);
        }
      });
      await Promise.all(writers);
      for (let day = 1; day <= 8; day++) {
        const date = `2024-01-0${day}`;
        const { days, activeUsers } = await usage.ledger.readUsage(tenantId, date, date);
        assert.equal(days[0]?.activeUsers, activeUsers, date);
      }
    },
  ),
];

/** A batch with a row that no table takes, alone with others that count. */
async function putAside(usage: CaseLedger, upkeep: LedgerUpkeep) {
  const [tenantId, producerId] = [freshTenant(), await usage.producer()];
  const calls = [callsOf(tenantId, DATE, -1), callsOf(freshTenant(), DATE, 1)];
  const outcome = await usage.ledger.apply(batchOf(producerId, 0, 2, { calls }));
  assert.deepEqual(outcome, { outcome: 'applied', quarantined: 1 });
  const row = (await upkeep.quarantined(ALL)).rows.find((one) => one.producerId === producerId);
  return { tenantId, producerId, row: row ?? assert.fail('the row is not in the quarantine') };
}

const found = async (upkeep: LedgerUpkeep, id: string): Promise<QuarantinedRow | undefined> =>
  (await upkeep.quarantined(ALL)).rows.find((row) => row.id === id);

/** Distinct users of every range of these dates, and of their days. */
async function countsOf(usage: CaseLedger, tenantId: string) {
  const dates = ['2023-12-31', '2024-01-01', '2024-01-02', '2024-01-03', '2024-02-01', '2024-02-02'];
  const ranges = dates.flatMap((from, index) => dates.slice(index).map((to) => [from, to] as const));
  const counts = [];
  for (const [from, to] of ranges) {
    const { days, activeUsers } = await usage.ledger.readUsage(tenantId, from, to);
    counts.push([from, to, activeUsers, days.map((day) => day.activeUsers)]);
  }
  return counts;
}
