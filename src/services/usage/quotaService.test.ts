// Which tenants exist, by the service's changes, over a directory in memory.
import { expect, it } from 'vitest';
import { DEFAULT_PLANS } from '../../core/quota/plans.js';
import type { TenantDirectory, TenantSetting } from '../../ports/tenantDirectory.js';
import { QuotaService } from './quotaService.js';

function directoryInMemory(): TenantDirectory {
  const rows = new Map<string, TenantSetting>();
  let version = 0;
  const all = async () => ({ version, settings: [...rows.values()] });
  return {
    loadAll: all,
    readVersion: async () => version,
    loadSince: all,
    change: async (tenantId, change) => {
      const setting = { ...change(rows.get(tenantId), Date.UTC(2026, 10, 24)), tenantId, version: ++version };
      rows.set(tenantId, setting);
      return setting;
    },
  };
}

it('a tenant has a setting from its first change, whatever that says, until it is removed; then it is unknown', async () => {
  const directory = directoryInMemory();
  const parts = { directory, plans: new Map(DEFAULT_PLANS), defaultPlan: 'free', hasUsage: async () => false };
  const service = new QuotaService(parts);
  const other = new QuotaService(parts);
  await service.refresh();
  await expect(service.remove('acme')).rejects.toMatchObject({ code: 'tenant_not_found' });
  for (const made of [
    () => service.replace('acme', {}),
    () => service.merge('acme', { limits: { day: 5 } }),
    () => service.merge('acme', { limits: { day: null } }),
  ]) {
    expect((await made()).hasSetting).toBe(true);
    await other.refresh();
    expect(other.quotaOf('acme').hasSetting).toBe(true);
  }
  expect((await service.remove('acme')).hasSetting).toBe(false);
  await other.refresh();
  expect(other.quotaOf('acme').hasSetting).toBe(false);
  await expect(service.remove('acme')).rejects.toMatchObject({ code: 'tenant_not_found' });
});
