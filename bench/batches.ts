// Batches as a fleet sends them, for the parts that measure the ledger: rows of tenants with ids as they are in life.
import { createHash } from 'node:crypto';
import type { UsageDate } from '../src/core/time/calendar.js';
import { monthOf } from '../src/core/usage/activeDays.js';
import type { ActiveUserRow, CallRow, ChargeRow } from '../src/ports/usageLedger.js';

export const callRow = (tenantId: string, usageDate: UsageDate): CallRow => ({ tenantId, usageDate, apiCalls: 3 });

export const chargeRow = (tenantId: string, usageDate: UsageDate): ChargeRow => ({
  ...{ tenantId, usageDate, meter: '', resetNumber: 0 },
  ...{ units: 3, denied: 1, unconfirmed: 0, overage: 0 },
});

/** A user on some days of a month; the same name is the same user. */
export const userRow = (tenantId: string, usageDate: UsageDate, name: string, dayMask: number): ActiveUserRow => ({
  tenantId,
  month: monthOf(usageDate),
  userHash: hashOf(`${tenantId} ${name}`),
  dayMask,
});

/** 16 bytes. */
export const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest().subarray(0, 16);
