// Part of the conformance suite of a ledger's upkeep: that the ledger agrees with itself, and whose usage it has.
import assert from 'node:assert/strict';
import type { LedgerUpkeep } from '../ports/ledgerUpkeep.js';
import { type CaseLedger, callsOf, freshHash, freshTenant, uuidAt } from './usageLedgerCase.js';

/** A guarantee, and what it does with a ledger. */
interface AgreementCase {
  readonly name: string;
  readonly body: (usage: CaseLedger, upkeep: LedgerUpkeep) => Promise<void>;
}

export const ledgerAgreementCases: readonly AgreementCase[] = [
  {
    name: 'no day disagrees with its rows, also after a user was erased',
    body: async (usage, upkeep) => {
      const tenantId = freshTenant();
      const [ann, bob] = [freshHash(), freshHash()];
      const users = [ann, bob].map((userHash) => ({ tenantId, userHash, month: '2024-02', dayMask: 2 ** 29 - 1 }));
      await usage.apply({ users, calls: [callsOf(tenantId, '2024-03-01', 1)] });
      await upkeep.eraseUser(tenantId, ann);
      await usage.apply({ users });
      assert.deepEqual(await upkeep.disagreements([tenantId], '2024-02-01', '2024-03-31'), []);
    },
  },
  {
    name: 'nor with the points of its storage, in whatever order they came, nor with what the quota admitted of meters',
    body: async (usage, upkeep) => {
      const tenantId = freshTenant();
      const { date, startsAt } = await usage.dayBefore(3);
      const point = (atSeconds: number, bytes: number, more: object = {}) => ({
        ...{ tenantId, atSeconds, bytes, id: uuidAt(atSeconds * 1000) },
        ...more,
      });
      const add = { kind: 'add' as const, id: '' };
      const charge = { tenantId, usageDate: date, resetNumber: 0, denied: 0, unconfirmed: 0, overage: 0 };
      const charges = [
        { ...charge, meter: 'tokens', units: 7 },
        { ...charge, meter: '', units: 9 },
      ];
      await usage.apply({ charges, storage: [point(startsAt + 90_000, 5_000), point(startsAt + 60, 1_000)] });
      await usage.apply({ storage: [point(startsAt + 3_600, 100, add), point(startsAt - 86_000, 333)] });
      await usage.apply({ charges });
      const others = [freshTenant(), tenantId];
      assert.deepEqual(await upkeep.disagreements(others, await dateOf(usage, 9), await dateOf(usage, 0)), []);
    },
  },
  {
    name: 'tenants come in the order of their bytes, a page at a time, each once, wherever it has something',
    body: async (usage, upkeep) => {
      const prefix = freshTenant();
      const usageDate = '2024-02-29';
      const charge = { usageDate, meter: '', resetNumber: 0, units: 1, denied: 0, unconfirmed: 0, overage: 0 };
      const [called, charged, both, last] = ['-Z', '-a', '-\u00e9', '-\u{1f600}'].map((end) => prefix + end) as [
        string,
        string,
        string,
        string,
      ];
      const charges = [charged, both].map((tenantId) => ({ ...charge, tenantId }));
      await usage.apply({ charges, calls: [called, both, last].map((tenantId) => callsOf(tenantId, usageDate, 1)) });
      assert.deepEqual(await upkeep.tenants(prefix, 2), [called, charged]);
      assert.deepEqual((await upkeep.tenants(charged, 100)).slice(0, 2), [both, last]);
      assert.deepEqual(await upkeep.tenants('\u{10ffff}', 3), []);
    },
  },
];

const dateOf = async (usage: CaseLedger, days: number) => (await usage.dayBefore(days)).date;
