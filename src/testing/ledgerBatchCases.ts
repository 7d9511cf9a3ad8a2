// A range of records is applied whole or not at all, and once, whatever is resent.
import assert from 'node:assert/strict';
import { MAX_COUNT } from '../core/quota/limit.js';
import type { UsageSums } from '../ports/usageLedger.js';
import {
  batchOf,
  callsOf,
  caseOf,
  freshHash,
  freshTenant,
  rejectsWith,
  type UsageLedgerCase,
} from './usageLedgerCase.js';

const DATE = '2024-02-29';

// Each would be a key of its own; where a store joins, folds, trims or quotes them wrongly, two of them meet.
const AWKWARD_IDS = [
  'a:b',
  'a',
  'A',
  'b',
  '{x}',
  '{}',
  '{"a","b"}',
  '__proto__',
  'constructor',
  'NULL',
  '%',
  'a_b',
  "it's",
  'a"b',
  'a\\b',
  'a\nb',
  ' a',
  'a ',
  '\u00e9',
  'e\u0301',
  '🧮',
  '🧮'.repeat(256),
  '水'.repeat(256),
  `${'水'.repeat(255)}火`,
];

export const ledgerBatchCases: readonly UsageLedgerCase[] = [
  caseOf('batches add up by tenant and day', async (given) => {
    const [one, two] = [freshTenant(), freshTenant()];
    const producerId = await given.producer();
    const rows = [callsOf(one, DATE, 3), callsOf(one, '2024-03-01', 4), callsOf(two, DATE, 5)];
    await given.ledger.apply(batchOf(producerId, 0, 3, { calls: rows }));
    await given.ledger.apply(batchOf(producerId, 3, 4, { calls: [callsOf(one, DATE, 10)] }));
    assert.equal(await given.calls(one, DATE), 13);
    assert.equal(await given.calls(one, '2024-03-01'), 4);
    assert.equal(await given.calls(two, DATE), 5);
  }),

  caseOf('a batch that is sent again, its answer lost, counts once', async (given) => {
    const tenant = freshTenant();
    const producerId = await given.producer();
    const batch = batchOf(producerId, 0, 7, everything(tenant));
    assert.deepEqual(await given.ledger.apply(batch), { outcome: 'applied' });
    const before = await given.ledger.readUsage(tenant, DATE, DATE);
    assert.deepEqual(await given.ledger.apply(batch), { outcome: 'elsewhere', lastRecord: 7 });
    const { readAtMs: _, ...after } = await given.ledger.readUsage(tenant, DATE, DATE);
    assert.deepEqual({ readAtMs: before.readAtMs, ...after }, before);
    assert.deepEqual(await given.ledger.sumCharges([chargesOf(tenant)]), [40]);
  }),

  caseOf('of many that race to apply one range, one does and the others learn where it ends', async (given) => {
    const tenant = freshTenant();
    const batch = batchOf(await given.producer(), 0, 1, everything(tenant));
    const outcomes = await Promise.all((await given.others(8)).map((ledger) => ledger.apply(batch)));
    const applied = outcomes.filter((one) => one.outcome === 'applied');
    assert.equal(applied.length, 1);
    const rest = outcomes.filter((one) => one.outcome !== 'applied');
    assert.deepEqual(
      rest,
      Array.from({ length: 7 }, () => ({ outcome: 'elsewhere', lastRecord: 1 })),
    );
    const day = await given.day(tenant, DATE);
    assert.deepEqual({ calls: day?.apiCalls, users: day?.activeUsers }, { calls: 11, users: 1 });
  }),

  caseOf('a range is applied only where the one before it ended', async (given) => {
    const tenant = freshTenant();
    const producerId = await given.producer();
    const sums = { calls: [callsOf(tenant, DATE, 1)] };
    const later = batchOf(producerId, 5, 9, sums);
    assert.deepEqual(await given.ledger.apply(later), { outcome: 'elsewhere', lastRecord: 0 });
    assert.equal(await given.calls(tenant, DATE), 0);
    await given.ledger.apply(batchOf(producerId, 0, 5, sums));
    assert.deepEqual(await given.ledger.apply(later), { outcome: 'applied' });
    assert.equal(await given.calls(tenant, DATE), 2);
  }),

  caseOf('a batch never makes its producer: unregistered, it writes nothing', async (given) => {
    const tenant = freshTenant();
    const batch = batchOf(await given.ledger.newProducerId(), 0, 1, everything(tenant));
    assert.deepEqual(await given.ledger.apply(batch), { outcome: 'unregistered' });
    assert.deepEqual(await given.ledger.apply(batch), { outcome: 'unregistered' });
    assert.equal((await given.ledger.readUsage(tenant, DATE, DATE)).exists, false);
  }),

  caseOf('a row that is impossible is put aside, and the rest of its batch counts', async (given) => {
    const tenant = freshTenant();
    const user = { tenantId: tenant, month: '2023-02', userHash: freshHash(), dayMask: 1 << 28 };
    const impossible: [why: string, sums: Partial<UsageSums>][] = [
      ['the 29th of a February of 28 days', { users: [user] }],
      ['a hash of 15 bytes', { users: [{ ...user, dayMask: 1, userHash: freshHash().subarray(1) }] }],
      ['a date that is none', { charges: [{ ...chargeRow(tenant), usageDate: '2024-02-30' }] }],
      ['fewer than no calls', { calls: [callsOf(tenant, '2024-03-01', -1)] }],
      ['part of a call', { calls: [callsOf(tenant, '2024-03-01', 0.5)] }],
      ['more than can be counted', { calls: [callsOf(tenant, '2024-03-01', 2 ** 53)] }],
      ['a tenant that no text can hold', { calls: [callsOf('a\u0000b', DATE, 1)] }],
    ];
    for (const [index, [why, sums]] of impossible.entries()) {
      const others = Array.from({ length: 5 }, () => callsOf(freshTenant(), DATE, 1));
      const calls = [callsOf(tenant, DATE, 1), ...(sums.calls ?? []), ...others];
      const charges = [chargeRow(tenant), ...(sums.charges ?? [])];
      const batch = batchOf(await given.producer(), 0, 3, { ...sums, calls, charges });
      assert.deepEqual(await given.ledger.apply(batch), { outcome: 'applied', quarantined: 1 }, why);
      assert.deepEqual(await given.ledger.apply(batch), { outcome: 'elsewhere', lastRecord: 3 }, why);
      assert.equal(await given.calls(tenant, DATE), index + 1, why);
      for (const other of others) assert.equal(await given.calls(other.tenantId, DATE), 1, why);
    }
    assert.deepEqual(await given.ledger.sumCharges([chargesOf(tenant)]), [40 * impossible.length]);
    assert.equal((await given.ledger.readUsage(tenant, '2024-03-01', '2024-03-01')).days.length, 0);
  }),

  caseOf('a batch without records is refused: it could be applied again and again', async (given) => {
    const batch = batchOf(await given.producer(), 0, 0, { calls: [callsOf(freshTenant(), DATE, 1)] });
    await rejectsWith('ledger_refused', given.ledger.apply(batch));
  }),

  caseOf('an empty batch moves the producer and nothing else', async (given) => {
    const producerId = await given.producer();
    assert.deepEqual(await given.ledger.apply(batchOf(producerId, 0, 3, {})), { outcome: 'applied' });
    const next = await given.ledger.apply(batchOf(producerId, 0, 4, {}));
    assert.deepEqual(next, { outcome: 'elsewhere', lastRecord: 3 });
  }),

  caseOf('sums stay at 2^53-1 instead of losing digits or failing', async (given) => {
    const tenant = freshTenant();
    const charges = [
      { ...chargeRow(tenant), units: MAX_COUNT, denied: MAX_COUNT, unconfirmed: MAX_COUNT, overage: MAX_COUNT },
    ];
    for (const apiCalls of [MAX_COUNT - 1, 1, 1]) {
      await given.apply({ calls: [callsOf(tenant, DATE, apiCalls)], charges });
    }
    assert.equal(await given.calls(tenant, DATE), MAX_COUNT);
    assert.deepEqual(await given.ledger.sumCharges([chargesOf(tenant)]), [MAX_COUNT]);
  }),

  caseOf('ids of every allowed form are tenants of their own', async (given) => {
    // A salt on either side, so that no other run has these tenants; within the longest ids, which have no room beside them.
    const salt = freshTenant().slice(-8);
    const salted = (id: string) => [
      [...`${id}${salt}`].slice(-256).join(''),
      [...`${salt}${id}`].slice(0, 256).join(''),
    ];
    const tenants = [...new Set(AWKWARD_IDS.flatMap(salted))];
    await given.apply({
      calls: tenants.map((id, index) => callsOf(id, DATE, index + 1)),
      charges: tenants.map((id, index) => ({ ...chargeRow(id), units: index + 1 })),
      users: tenants.map((id) => ({ tenantId: id, month: '2024-02', userHash: freshHash(), dayMask: 1 })),
    });
    const expected = tenants.map((_, index) => index + 1);
    assert.deepEqual(await Promise.all(tenants.map((id) => given.calls(id, DATE))), expected);
    assert.deepEqual(await given.ledger.sumCharges(tenants.map(chargesOf)), expected);
  }),
];

/** A batch's worth of every kind, on DATE. */
const everything = (tenantId: string): Partial<UsageSums> => ({
  calls: [callsOf(tenantId, DATE, 11)],
  charges: [chargeRow(tenantId)],
  users: [{ tenantId, month: '2024-02', userHash: freshHash(), dayMask: 1 << 28 }],
});

const chargeRow = (tenantId: string) => ({
  tenantId,
  usageDate: DATE,
  meter: '',
  resetNumber: 0,
  units: 40,
  denied: 2,
  unconfirmed: 1,
  overage: 3,
});

const chargesOf = (tenantId: string) => ({ tenantId, meter: '', resetNumber: 0, firstDate: DATE, lastDate: DATE });
