// Usage that no quota decided and that is told more than once: whatever its kind, it counts once by tenant and key.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { KeyedRow } from '../ports/usageLedger.js';
import { batchOf, type CaseLedger, caseOf, freshTenant, type UsageLedgerCase, uuidAt } from './usageLedgerCase.js';

const DATE = '2024-02-29';
const WRITERS = 8;

export const ledgerKeyedCases: readonly UsageLedgerCase[] = [
  caseOf('keyed usage adds its calls, its amount and its level, beside what has no key', async (given) => {
    const tenantId = freshTenant();
    const { date, startsAt } = await given.dayBefore(2);
    const level = { atSeconds: startsAt, bytes: 12, id: uuidAt(startsAt) };
    await given.apply({
      calls: [{ tenantId, usageDate: date, apiCalls: 5 }],
      meters: [{ tenantId, usageDate: date, meter: 'tokens', amount: 100 }],
      keyed: [
        keyedOf(tenantId, { usageDate: date, apiCalls: 2, meter: 'tokens', amount: 30 }),
        keyedOf(tenantId, { usageDate: date, meter: 'tokens', amount: 7 }),
        keyedOf(tenantId, { usageDate: date, meter: 'seats', level }),
        keyedOf(tenantId, { usageDate: date, apiCalls: 1 }),
      ],
    });
    assert.equal(await given.calls(tenantId, date), 8);
    assert.deepEqual(await amounts(given, tenantId, date), { tokens: 137, seats: 0 });
    const { meters } = await given.ledger.readUsage(tenantId, date, date);
    assert.equal(meters.find(({ meter }) => meter === 'seats')?.level?.lastBytes, 12);
  }),

  caseOf('told again it counts once, whoever tells it, also where it says something else', async (given) => {
    const tenantId = freshTenant();
    const { date, startsAt } = await given.dayBefore(2);
    const use = keyedOf(tenantId, { apiCalls: 1, meter: 'tokens', amount: 30 });
    const seats = { meter: 'seats', level: { atSeconds: startsAt, bytes: 5, id: uuidAt(startsAt) } };
    const held = keyedOf(tenantId, { usageDate: date, ...seats });
    await given.apply({ keyed: [use, held] });
    // Told again later, a level would hold from later on, over another one that came between.
    const later = { atSeconds: startsAt + 60, bytes: 5, id: uuidAt(startsAt + 60) };
    const between = { tenantId, meter: 'seats', atSeconds: startsAt + 30, bytes: 9, id: uuidAt(startsAt + 30) };
    await given.apply({ levels: [between], keyed: [use, { ...held, level: later }] });
    await given.apply({ keyed: [{ ...use, amount: 500 }, keyedOf(tenantId, { meter: 'tokens', amount: 4 })] });
    assert.equal(await given.calls(tenantId, DATE), 1);
    assert.deepEqual(await amounts(given, tenantId), { tokens: 34 });
    const { meters } = await given.ledger.readUsage(tenantId, date, date);
    assert.equal(meters[0]?.level?.lastBytes, 9);
  }),

  caseOf('of repeats within one batch the first counts; another tenant has keys of its own', async (given) => {
    const [one, two] = [freshTenant(), freshTenant()];
    const use = keyedOf(one, { meter: 'tokens', amount: 3 });
    await given.apply({
      keyed: [use, { ...use, amount: 9 }, { ...use, key: Buffer.from(use.key) }, { ...use, tenantId: two, amount: 4 }],
    });
    assert.deepEqual([await amounts(given, one), await amounts(given, two)], [{ tokens: 3 }, { tokens: 4 }]);
  }),

  caseOf('what is put aside, or not in its turn, leaves its key untaken', async (given) => {
    const tenantId = freshTenant();
    const producerId = await given.producer();
    const use = keyedOf(tenantId, { meter: 'tokens', amount: 30 });
    const impossible = [
      keyedOf(tenantId, { apiCalls: -1 }),
      keyedOf(tenantId, { meter: 'tokens', amount: -1 }),
      keyedOf(tenantId, { meter: 'seats', level: { atSeconds: 5, bytes: -1, id: uuidAt(0) } }),
    ];
    const outcome = await given.ledger.apply(batchOf(producerId, 0, 1, { keyed: impossible }));
    assert.deepEqual(outcome, { outcome: 'applied', quarantined: 3 });
    await given.ledger.apply(batchOf(producerId, 5, 6, { keyed: [use] }));
    assert.deepEqual(await amounts(given, tenantId), {});
    await given.apply({
      keyed: [use, ...impossible.map((row) => ({ ...row, apiCalls: 1, meter: '', amount: 0, level: undefined }))],
    });
    assert.deepEqual([await amounts(given, tenantId), await given.calls(tenantId, DATE)], [{ tokens: 30 }, 3]);
  }),

  caseOf('of many that race to tell the same, each key counts once', async (given) => {
    const tenants = Array.from({ length: 30 }, freshTenant);
    const keyed = tenants.flatMap((tenantId) => [
      keyedOf(tenantId, { apiCalls: 1, meter: 'tokens', amount: 3 }),
      keyedOf(tenantId, { meter: 'tokens', amount: 4 }),
    ]);
    await Promise.all(
      (await given.others(WRITERS)).map(async (ledger, writer) => {
        const turned = [...keyed.slice(writer * 7), ...keyed.slice(0, writer * 7)];
        const outcome = await ledger.apply(batchOf(await given.producer(), 0, 1, { keyed: turned }));
        assert.deepEqual(outcome, { outcome: 'applied' });
      }),
    );
    for (const tenantId of tenants) {
      assert.deepEqual([await amounts(given, tenantId), await given.calls(tenantId, DATE)], [{ tokens: 7 }, 1]);
    }
  }),
];

const keyedOf = (tenantId: string, given: Partial<KeyedRow>): KeyedRow => ({
  ...{ tenantId, usageDate: DATE, apiCalls: 0, meter: '', amount: 0, level: undefined, key: randomBytes(16) },
  ...given,
});

/** What the ledger has of each meter. */
async function amounts(given: CaseLedger, tenantId: string, date = DATE): Promise<Record<string, number>> {
  const { meters } = await given.ledger.readUsage(tenantId, date, date);
  return Object.fromEntries(meters.map(({ meter, amount }) => [meter, amount]));
}
