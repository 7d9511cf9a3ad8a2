// Which days a batch touches: those with calls, and those that only gain a user or a storage level.
import type { ActiveUserRow, CallRow } from '../../ports/usageLedger.js';
import type { TenantDay } from './storageDays.js';

const DAYS_OF_A_MASK = 31;

/** A row for each day that is touched in any way, each once; with 0 calls where there were none. */
export function usageDays(
  calls: readonly CallRow[],
  users: readonly ActiveUserRow[],
  storageDays: readonly TenantDay[],
): CallRow[] {
  // Usually the calls name all of the days, and the map of maps costs no joined text a row.
  const byTenant = new Map<string, Map<string, CallRow>>();
  const add = (row: CallRow): void => {
    const ofTenant = byTenant.get(row.tenantId) ?? new Map<string, CallRow>();
    byTenant.set(row.tenantId, ofTenant);
    if (!ofTenant.has(row.usageDate)) ofTenant.set(row.usageDate, row);
  };
  for (const row of calls) add(row);
  for (const { tenantId, month, dayMask } of monthsOf(users)) {
    for (let day = 1; day <= DAYS_OF_A_MASK; day++) {
      if ((dayMask & (1 << (day - 1))) === 0) continue;
      add({ tenantId, usageDate: `${month}-${String(day).padStart(2, '0')}`, apiCalls: 0 });
    }
  }
  for (const { tenantId, usageDate } of storageDays) add({ tenantId, usageDate, apiCalls: 0 });
  return [...byTenant.values()].flatMap((ofTenant) => [...ofTenant.values()]);
}

/** The days of all users of a tenant and month as one mask: many users share the same few days. */
function monthsOf(users: readonly ActiveUserRow[]): { tenantId: string; month: string; dayMask: number }[] {
  const byTenant = new Map<string, Map<string, number>>();
  for (const { tenantId, month, dayMask } of users) {
    const months = byTenant.get(tenantId) ?? new Map<string, number>();
    byTenant.set(tenantId, months);
    months.set(month, (months.get(month) ?? 0) | dayMask);
  }
  return [...byTenant].flatMap(([tenantId, months]) =>
    [...months].map(([month, dayMask]) => ({ tenantId, month, dayMask })),
  );
}
