// Usage as rows that a ledger adds up: what a batch of a producer, a replayed log and a booking are made of.
import type { UsageDate } from '../core/time/calendar.js';
import type { StoragePoint } from '../core/usage/storageIntegral.js';

/** API calls of one tenant and day. */
export interface CallRow {
  readonly tenantId: string;
  readonly usageDate: UsageDate;
  readonly apiCalls: number;
}

/** What the quota did for one tenant, day, meter and reset number. Units never decrease. */
export interface ChargeRow {
  readonly tenantId: string;
  readonly usageDate: UsageDate;
  /** '' is the quota's own units. */
  readonly meter: string;
  readonly resetNumber: number;
  /** Units admitted. */
  readonly units: number;
  /** Requests refused. */
  readonly denied: number;
  /** Units of requests refused while the store's answer was unknown: perhaps charged there, never admitted. */
  readonly unconfirmed: number;
  /** Units above soft limits: part of `units`, and apart from them because they are billed otherwise. */
  readonly overage: number;
}

/**
 * Units that are known only after the work, and told more than once: of a reservation that is committed, of a keyed call. Booked
 * once by tenant and key, in the batch's own transaction; a repeat within 35 days adds nothing, also where its units differ.
 */
export interface CommitRow {
  readonly tenantId: string;
  readonly usageDate: UsageDate;
  /** '' is the quota's own units. */
  readonly meter: string;
  readonly resetNumber: number;
  readonly units: number;
  /** API calls of that day, which count with the units or not at all. @defaultValue 0 */
  readonly apiCalls?: number | undefined;
  /** The part of `units` above soft limits. @defaultValue 0 */
  readonly overage?: number | undefined;
  /** 16 bytes: the hash of what identifies the commit. Of rows with one tenant and key in a batch the first counts. */
  readonly key: Buffer;
}

/** Days of one month on which one user was active. At most one row a tenant, month and user in a batch. */
export interface ActiveUserRow {
  readonly tenantId: string;
  /** `YYYY-MM`. */
  readonly month: string;
  /** 16 bytes: the keyed hash of tenant and user (core/usage/activeDays). */
  readonly userHash: Buffer;
  /** Bit n-1 is day n of the month. */
  readonly dayMask: number;
}

/** A storage level that a tenant reported, or a change of it: it holds from `atSeconds` until the next point. */
export interface StoragePointRow extends StoragePoint {
  readonly tenantId: string;
}

/** What was used of one of the team's own counters by one tenant on one day. */
export interface MeterRow {
  readonly tenantId: string;
  readonly usageDate: UsageDate;
  readonly meter: string;
  /** Whole, from 0 to 2^53-1. */
  readonly amount: number;
}

/** A level of one of the team's own meters that a tenant reported: `bytes` of it hold from `atSeconds` until the next point. */
export interface LevelPointRow {
  readonly tenantId: string;
  readonly meter: string;
  readonly atSeconds: number;
  readonly bytes: number;
  /** UUIDv7: of two in one second the later id wins. */
  readonly id: string;
}

/**
 * Usage that no quota decided and that may be told more than once. Booked once by tenant and key, in the batch's own transaction; a
 * repeat within 35 days adds nothing, also where it says something else.
 */
export interface KeyedRow {
  readonly tenantId: string;
  readonly usageDate: UsageDate;
  readonly apiCalls: number;
  /** '' where it is of none of the team's own. Of a counter there is an amount, of a level a point. */
  readonly meter: string;
  readonly amount: number;
  readonly level: Pick<LevelPointRow, 'atSeconds' | 'bytes' | 'id'> | undefined;
  /** 16 bytes: the hash of what identifies it. Of rows with one tenant and key in a batch the first counts. */
  readonly key: Buffer;
}

/**
 * Added-up usage, ready to be applied. What the charges admit of a meter other than the quota's own units is that meter's usage: it is
 * added to the meters' rows in the same transaction. Rows are unique by their key (but for commits and keyed ones) and may
 * come in any order.
 */
export interface UsageSums {
  readonly calls: readonly CallRow[];
  readonly charges: readonly ChargeRow[];
  readonly users: readonly ActiveUserRow[];
  readonly storage: readonly StoragePointRow[];
  readonly commits: readonly CommitRow[];
  readonly meters: readonly MeterRow[];
  readonly levels: readonly LevelPointRow[];
  readonly keyed: readonly KeyedRow[];
}

/** Nothing, for whoever says only what matters. */
export const NO_SUMS: UsageSums = {
  ...{ calls: [], charges: [], users: [], storage: [], commits: [] },
  ...{ meters: [], levels: [], keyed: [] },
};
