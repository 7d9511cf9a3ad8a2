// Storage days as rows: how an integrated day is written into tenant_usage, and how it is read back.

import type { UsageDate } from '../../core/time/calendar.js';
import { averageOf } from '../../core/usage/reportedStorage.js';
import type { StorageDay, StoragePoint } from '../../core/usage/storageIntegral.js';

/** One day of one tenant. */
export interface TenantDay {
  readonly tenantId: string;
  readonly usageDate: UsageDate;
}

/** One tenant's day with what its points integrate to. */
export interface TenantStorageDay extends TenantDay {
  readonly storage: StorageDay;
}

/** The parameters of writeStorageDays.sql. */
export const storageDayColumns = (days: readonly TenantStorageDay[]): unknown[] => [
  days.map((day) => day.tenantId),
  days.map((day) => day.usageDate),
  days.map((day) => averageOf(day.storage)),
  days.map((day) => String(day.storage.byteMs)),
  days.map((day) => day.storage.coveredMs),
  days.map((day) => day.storage.peakBytes),
  days.map((day) => day.storage.lastBytes),
  days.map((day) => day.storage.lastAtSeconds),
];

/** A reported level, or a change of it. */
export const storagePointOf = (kind: string, bytes: number, id: string): Omit<StoragePoint, 'atSeconds'> =>
  kind === 'add' ? { kind: 'add', bytes, id } : { bytes, id };

/** A day as readUsage.sql writes it into JSON; `last_at` is null on a day without a point. */
export interface StorageColumns {
  readonly byte_ms: string;
  readonly covered_ms: number;
  readonly peak_bytes: number;
  readonly last_bytes: number | null;
  readonly last_at: number | null;
}

/** The storage of a day that was read, undefined where it has no point. */
export function storageDayOf(columns: StorageColumns): StorageDay | undefined {
  const { byte_ms, covered_ms, peak_bytes, last_bytes, last_at } = columns;
  if (last_bytes === null || last_at === null) return undefined;
  return {
    byteMs: BigInt(byte_ms),
    coveredMs: covered_ms,
    peakBytes: peak_bytes,
    lastBytes: last_bytes,
    lastAtSeconds: last_at,
  };
}
