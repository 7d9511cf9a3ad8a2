// Options of a mount that cannot be meant: told when the middleware is made, and all at once.
import { describe, expect, it } from 'vitest';
import { TallygateError } from '../http/faults.js';
import { createTenantQuota, type TenantQuotaParts } from './tenantQuota.js';
import { createUsageMeter, type UsageMeterParts } from './usageMeter.js';

// Refused before any part is used.
const quotaParts = { enabled: false } as TenantQuotaParts;
const meterParts = { enabled: false } as UsageMeterParts;

function faultsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    if (!(error instanceof TallygateError)) throw error;
    expect(error.code).toBe('invalid_configuration');
    return error.faults.map((fault) => fault.location);
  }
  return [];
}

describe('the options of a mount', () => {
  it('that are misspelt or of another type are refused together', () => {
    const wrong = { cost: '5', costs: 1, skip: '/health', requireTenant: 1, includeOptions: null };
    const all = Object.keys(wrong).map((name) => `tenantQuota.${name}`);
    // @ts-expect-error: what a JavaScript caller may do
    expect(faultsOf(() => createTenantQuota(quotaParts, wrong))).toEqual(all);
    // @ts-expect-error: the same
    expect(faultsOf(() => createUsageMeter(meterParts, { countWhen: 200, cost: 1 }))).toEqual([
      'usageMeter.countWhen',
      'usageMeter.cost',
    ]);
  });

  it('that are no object are refused, not read as none', () => {
    for (const wrong of [null, 5, 'x']) {
      // @ts-expect-error: what a JavaScript caller may do
      expect(faultsOf(() => createTenantQuota(quotaParts, wrong))).toEqual(['tenantQuota']);
    }
  });

  it('may be left out, or be undefined', () => {
    const some = { cost: () => 1, skip: undefined, requireTenant: true, includeOptions: false };
    expect(faultsOf(() => createTenantQuota(quotaParts, some))).toEqual([]);
    expect(faultsOf(() => createTenantQuota(quotaParts))).toEqual([]);
    expect(faultsOf(() => createUsageMeter(meterParts, { countWhen: () => true, skip: () => false }))).toEqual([]);
  });
});
