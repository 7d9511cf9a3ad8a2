// What is booked once by key, and what was above soft limits: both add to the charges of their day, and nothing adds twice.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { CommitRow } from '../ports/usageLedger.js';
import { batchOf, type CaseLedger, caseOf, freshTenant, type UsageLedgerCase } from './usageLedgerCase.js';

const DATE = '2024-02-29';
const WRITERS = 8;

export const ledgerCommitCases: readonly UsageLedgerCase[] = [
  caseOf('a commit adds its units to the charges of its day, meter and reset number', async (given) => {
    const tenantId = freshTenant();
    await given.apply({
      charges: [
        { tenantId, usageDate: DATE, meter: '', resetNumber: 0, units: 5, denied: 1, unconfirmed: 0, overage: 2 },
      ],
      commits: [
        commitOf(tenantId, { units: 30 }),
        commitOf(tenantId, { units: 100 }),
        commitOf(tenantId, { units: 7, resetNumber: 9 }),
        commitOf(tenantId, { units: 8, meter: 'tokens' }),
        commitOf(tenantId, { units: 9, usageDate: '2024-03-01' }),
      ],
    });
    assert.equal(await units(given, tenantId), 135);
    assert.equal(await units(given, tenantId, { resetNumber: 9 }), 7);
    assert.equal(await units(given, tenantId, { meter: 'tokens' }), 8);
    assert.equal(await units(given, tenantId, { lastDate: '2024-03-01' }), 144);
  }),

  caseOf('the calls and the overage of a commit count with its units, once', async (given) => {
    const tenantId = freshTenant();
    const amounts = { units: 9, apiCalls: 1, overage: 4 };
    const commits = [commitOf(tenantId, amounts), commitOf(tenantId, { apiCalls: 2, usageDate: '2024-03-01' })];
    await given.apply({
      calls: [{ tenantId, usageDate: DATE, apiCalls: 5 }],
      charges: [
        { tenantId, usageDate: DATE, meter: '', resetNumber: 0, units: 1, denied: 1, unconfirmed: 0, overage: 2 },
      ],
      commits,
    });
    await given.apply({ commits: [...commits, commitOf(tenantId, { apiCalls: 3 })] });
    const { days, overage } = await given.ledger.readUsage(tenantId, DATE, '2024-03-01');
    assert.deepEqual(
      days.map(({ usageDate, apiCalls }) => [usageDate, apiCalls]),
      [
        [DATE, 9],
        ['2024-03-01', 2],
      ],
    );
    assert.equal(await units(given, tenantId), 10);
    assert.deepEqual(overage, [{ usageDate: DATE, meter: '', units: 6 }]);
  }),

  caseOf('a commit that is told again counts once, whoever tells it, also with other units', async (given) => {
    const tenantId = freshTenant();
    const commit = commitOf(tenantId, { units: 30 });
    await given.apply({ commits: [commit] });
    await given.apply({ commits: [commit, commitOf(tenantId, { units: 4 })] });
    await given.apply({ commits: [{ ...commit, units: 500, usageDate: '2024-03-01' }] });
    assert.equal(await units(given, tenantId, { lastDate: '2024-03-01' }), 34);
  }),

  caseOf('of repeats within one batch the first counts', async (given) => {
    const tenantId = freshTenant();
    const commit = commitOf(tenantId, { units: 30 });
    await given.apply({ commits: [commit, { ...commit, units: 31 }, { ...commit, key: Buffer.from(commit.key) }] });
    assert.equal(await units(given, tenantId), 30);
  }),

  caseOf('the same key under another tenant is another commit', async (given) => {
    const [one, two] = [freshTenant(), freshTenant()];
    const key = randomBytes(16);
    await given.apply({ commits: [commitOf(one, { units: 1, key }), commitOf(two, { units: 2, key })] });
    assert.deepEqual([await units(given, one), await units(given, two)], [1, 2]);
  }),

  caseOf('a commit that is put aside, or not in its turn, stays untaken', async (given) => {
    const tenantId = freshTenant();
    const commit = commitOf(tenantId, { units: 30 });
    const producerId = await given.producer();
    const impossible = commitOf(tenantId, { units: -1 });
    const outcome = await given.ledger.apply(batchOf(producerId, 0, 1, { commits: [impossible] }));
    assert.deepEqual(outcome, { outcome: 'applied', quarantined: 1 });
    await given.ledger.apply(batchOf(producerId, 5, 6, { commits: [commit] }));
    assert.equal(await units(given, tenantId), 0);
    await given.apply({ commits: [commit, { ...impossible, units: 4 }] });
    assert.equal(await units(given, tenantId), 34);
  }),

  caseOf('of many that race to tell the same commits, each commit counts once', async (given) => {
    const tenants = Array.from({ length: 50 }, freshTenant);
    const commits = tenants.flatMap((tenantId) => [
      commitOf(tenantId, { units: 3 }),
      commitOf(tenantId, { units: 4, usageDate: '2024-02-28' }),
    ]);
    await Promise.all(
      (await given.others(WRITERS)).map(async (ledger, writer) => {
        const turned = [...commits.slice(writer * 11), ...commits.slice(0, writer * 11)];
        const outcome = await ledger.apply(batchOf(await given.producer(), 0, 1, { commits: turned }));
        assert.deepEqual(outcome, { outcome: 'applied' });
      }),
    );
    const sums = await Promise.all(tenants.map((tenantId) => units(given, tenantId, { firstDate: '2024-02-28' })));
    assert.deepEqual(
      sums,
      tenants.map(() => 7),
    );
  }),
];

const commitOf = (tenantId: string, given: Partial<CommitRow>): CommitRow => ({
  tenantId,
  usageDate: DATE,
  meter: '',
  resetNumber: 0,
  units: 0,
  key: randomBytes(16),
  ...given,
});

async function units(
  given: CaseLedger,
  tenantId: string,
  window: { meter?: string; resetNumber?: number; firstDate?: string; lastDate?: string } = {},
): Promise<number> {
  const query = { tenantId, meter: '', resetNumber: 0, firstDate: DATE, lastDate: DATE, ...window };
  return (await given.ledger.sumCharges([query]))[0] ?? Number.NaN;
}
