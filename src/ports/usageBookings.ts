// What is booked in the ledger at once, each under an id of its own, because whoever asks must be told whether it was booked before:
// corrections, events from outside, changes of storage, and closed months. Beside the batches of usageLedger.ts, on the same ledger.
import type { UsageDate } from '../core/time/calendar.js';
import type { UsageReport } from '../core/usage/usageReport.js';
import type { KeyedRow } from './usageLedger.js';

/** A correction to book. */
export interface Adjustment {
  readonly tenantId: string;
  /** 16 bytes: the hash of the caller's idempotency key. */
  readonly key: Buffer;
  readonly usageDate: UsageDate;
  readonly meter: string;
  /** What is added when the day is read: whole, not 0, between -(2^53-1) and 2^53-1. */
  readonly delta: number;
  readonly reason: string;
  readonly author: string;
}

/** A correction as it was booked. */
export interface BookedAdjustment extends Omit<Adjustment, 'tenantId' | 'key'> {
  /** The ledger's clock, in milliseconds since 1970. */
  readonly adjustedAtMs: number;
}

/** `repeated`: it was booked before, and is not booked again. `conflict`: something else was booked under the key; nothing is now. */
export type AdjustmentOutcome =
  | { readonly outcome: 'booked' | 'repeated'; readonly adjustment: BookedAdjustment }
  | { readonly outcome: 'conflict' };

/** A change of a tenant's storage level to book. */
export interface StorageChange {
  readonly tenantId: string;
  /** 16 bytes: the hash of the caller's idempotency key. */
  readonly key: Buffer;
  /** 16 bytes: the hash of what was asked for. */
  readonly content: Buffer;
  /** In milliseconds since 1970; the change is of its whole second. At most 35 days back. */
  readonly atMs: number;
  /** Whole, from -(2^53-1) to 2^53-1. */
  readonly bytes: number;
}

/** As of an adjustment. `atMs` is the first booking's. */
export type StorageChangeOutcome =
  | { readonly outcome: 'booked' | 'repeated'; readonly atMs: number }
  | { readonly outcome: 'conflict' };

/** An event to book: usage under its key, which is the hash of the event's source and id, and a user who was active then. */
export interface EventRow extends KeyedRow {
  /** 16 bytes: the keyed hash of tenant and user (core/usage/activeDays). */
  readonly userHash: Buffer | undefined;
}

/** A month to close, with what was reported of it. */
export interface PeriodToClose {
  readonly tenantId: string;
  /** `YYYY-MM`. */
  readonly month: string;
  readonly author: string;
  readonly report: UsageReport;
}

/** A month that was closed. */
export interface ClosedPeriod extends PeriodToClose {
  /** The ledger's clock, in milliseconds since 1970. */
  readonly closedAtMs: number;
}

/**
 * Callers may rely on: what has an id is booked once, whoever sends it again and however many at once, and each call is booked whole or
 * not at all. Methods reject as those of `UsageLedger` do.
 */
export interface UsageBookings {
  /** The key counts for ever: a repeat is never a second correction. */
  adjust(adjustment: Adjustment): Promise<AdjustmentOutcome>;
  /** Corrections of a range of days, both inclusive, the oldest booking first, at most `most`. */
  readAdjustments(query: {
    readonly tenantId: string;
    readonly from: UsageDate;
    readonly to: UsageDate;
    readonly most: number;
  }): Promise<readonly BookedAdjustment[]>;
  /** Changes the level from its second on, in the storage of that day and of those after it. The key counts for 35 days. */
  addStorage(change: StorageChange): Promise<StorageChangeOutcome>;
  /**
   * Books a batch of events in one transaction: for each, in their order, whether it was booked now. A key counts for 35 days; of
   * events with one tenant and key in a batch the first counts.
   */
  bookEvents(events: readonly EventRow[]): Promise<readonly boolean[]>;
  /** Of several that close a month the first counts; all get what it kept. */
  closePeriod(period: PeriodToClose): Promise<ClosedPeriod>;
  readClosedPeriod(tenantId: string, month: string): Promise<ClosedPeriod | undefined>;
}
