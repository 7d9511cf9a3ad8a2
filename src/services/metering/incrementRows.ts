// Usage that waited, as the rows that the ledger adds up: users become hashes here, under the ledger's key.
import { dayBit, monthOf, userHashOf } from '../../core/usage/activeDays.js';
import type { DayIncrements, UsageIncrements } from '../../core/usage/increments.js';
import type {
  ActiveUserRow,
  CallRow,
  ChargeRow,
  CommitRow,
  KeyedRow,
  LevelPointRow,
  MeterRow,
  StoragePointRow,
  UsageSums,
} from '../../ports/usageLedger.js';

export function rowsOf(increments: UsageIncrements, hashKey: Buffer): UsageSums {
  const calls: CallRow[] = [];
  const charges: ChargeRow[] = [];
  const users: ActiveUserRow[] = [];
  const storage: StoragePointRow[] = [];
  const commits: CommitRow[] = [];
  const meters: MeterRow[] = [];
  const levels: LevelPointRow[] = [];
  const keyed: KeyedRow[] = [];
  for (const [tenantId, ofTenant] of increments.tenants) {
    for (const [usageDate, day] of ofTenant.days) {
      if (day.apiCalls > 0) calls.push({ tenantId, usageDate, apiCalls: day.apiCalls });
      for (const charge of day.charges) charges.push({ tenantId, usageDate, ...charge });
      for (const [meter, amount] of day.meters ?? []) meters.push({ tenantId, usageDate, meter, amount });
    }
    for (const row of userRows(tenantId, ofTenant.days, hashKey)) users.push(row);
    for (const point of ofTenant.storage.values()) storage.push({ tenantId, ...point });
    for (const { key, ...commit } of ofTenant.commits.values()) {
      commits.push({ tenantId, ...commit, key: Buffer.from(key, 'hex') });
    }
    for (const point of ofTenant.levels?.values() ?? []) levels.push({ tenantId, ...point });
    for (const { key, ...use } of ofTenant.keyed?.values() ?? []) {
      keyed.push({ tenantId, ...use, key: Buffer.from(key, 'hex') });
    }
  }
  return { calls, charges, users, storage, commits, meters, levels, keyed };
}

/** One row a user and month: two rows of one key would be an error in one upsert. */
function userRows(tenantId: string, days: ReadonlyMap<string, DayIncrements>, hashKey: Buffer): ActiveUserRow[] {
  const months = new Map<string, Map<string, number>>();
  for (const [usageDate, { users }] of days) {
    if (users === undefined) continue;
    const month = monthOf(usageDate);
    const masks = months.get(month) ?? new Map<string, number>();
    months.set(month, masks);
    for (const userId of users) masks.set(userId, (masks.get(userId) ?? 0) | dayBit(usageDate));
  }
  return [...months].flatMap(([month, masks]) =>
    [...masks].map(([userId, dayMask]) => ({
      tenantId,
      month,
      userHash: userHashOf(hashKey, tenantId, userId),
      dayMask,
    })),
  );
}
