// Active users: distinct over any range, exact, and the same for a day as its rows say.
import assert from 'node:assert/strict';
import type { ActiveUserRow } from '../ports/usageLedger.js';
import {
  batchOf,
  type CaseLedger,
  callsOf,
  caseOf,
  freshHash,
  freshTenant,
  type UsageLedgerCase,
} from './usageLedgerCase.js';

const bits = (...days: number[]): number => days.reduce((mask, day) => mask | (1 << (day - 1)), 0);

export const ledgerUserCases: readonly UsageLedgerCase[] = [
  caseOf('a user counts once a day, and once over any range', async (given) => {
    const tenant = freshTenant();
    const [ann, bob] = [userOf(tenant), userOf(tenant)];
    await given.apply({ users: [ann('2024-01', bits(1, 2, 31)), ann('2024-02', bits(1)), bob('2024-01', bits(2))] });
    const { days, activeUsers } = await given.ledger.readUsage(tenant, '2024-01-01', '2024-02-29');
    assert.deepEqual(
      days.map((day) => [day.usageDate, day.activeUsers]),
      [
        ['2024-01-01', 1],
        ['2024-01-02', 2],
        ['2024-01-31', 1],
        ['2024-02-01', 1],
      ],
    );
    assert.equal(activeUsers, 2);
    assert.equal(await distinct(given, tenant, '2024-01-31', '2024-02-01'), 1);
    assert.equal(await distinct(given, tenant, '2024-01-03', '2024-01-30'), 0);
    assert.equal(await distinct(given, tenant, '2023-12-31', '2024-01-01'), 1);
  }),

  caseOf('a day of a user that the ledger knows changes nothing', async (given) => {
    const tenant = freshTenant();
    const ann = userOf(tenant);
    await given.apply({ users: [ann('2024-01', bits(5, 6))] });
    await given.apply({ users: [ann('2024-01', bits(5, 7))] });
    await given.apply({ users: [ann('2024-01', bits(5, 6, 7))] });
    const { days } = await given.ledger.readUsage(tenant, '2024-01-01', '2024-01-31');
    assert.deepEqual(
      days.map((day) => [day.usageDate, day.activeUsers]),
      [
        ['2024-01-05', 1],
        ['2024-01-06', 1],
        ['2024-01-07', 1],
      ],
    );
  }),

  caseOf('the same hash under another tenant is another user', async (given) => {
    const userHash = freshHash();
    const tenants = [freshTenant(), freshTenant()];
    await given.apply({
      users: tenants.map((tenantId) => ({ tenantId, month: '2024-01', userHash, dayMask: bits(9) })),
    });
    for (const tenant of tenants) assert.equal((await given.day(tenant, '2024-01-09'))?.activeUsers, 1);
  }),

  caseOf('a day that only gains a user exists, with 0 calls', async (given) => {
    const tenant = freshTenant();
    await given.apply({ users: [userOf(tenant)('2023-12', bits(31))], calls: [callsOf(tenant, '2023-12-30', 1)] });
    assert.deepEqual(await given.day(tenant, '2023-12-31'), { usageDate: '2023-12-31', apiCalls: 0, activeUsers: 1 });
  }),

  caseOf('users that many report at once are counted once', async (given) => {
    const tenant = freshTenant();
    const users = Array.from({ length: 50 }, () => userOf(tenant)('2024-05', bits(1, 17, 31)));
    const report = async (ledger: CaseLedger['ledger'], shift: number) => {
      const rows = [...users.slice(shift), ...users.slice(0, shift)].slice(0, 40);
      return ledger.apply(batchOf(await given.producer(), 0, 1, { users: rows }));
    };
    await Promise.all((await given.others(8)).map((ledger, index) => report(ledger, index * 5)));
    const { days, activeUsers } = await given.ledger.readUsage(tenant, '2024-05-01', '2024-05-31');
    assert.deepEqual(
      days.map((day) => day.activeUsers),
      [50, 50, 50],
    );
    assert.equal(activeUsers, 50);
  }),
];

/** A user nobody else has, as rows of any month. */
function userOf(tenantId: string): (month: string, dayMask: number) => ActiveUserRow {
  const userHash = freshHash();
  return (month, dayMask) => ({ tenantId, month, userHash, dayMask });
}

const distinct = async (given: CaseLedger, tenantId: string, from: string, to: string): Promise<number> =>
  (await given.ledger.readUsage(tenantId, from, to)).activeUsers;
