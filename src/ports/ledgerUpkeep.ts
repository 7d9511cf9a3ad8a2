// What an operator asks of a ledger: rows that were put aside, usage that is known to be missing, who feeds it, and that a user be
// forgotten. Beside usageLedger.ts, on the same ledger; no decision ever waits for any of this.
import type { UsageDate } from '../core/time/calendar.js';
import type { KnownMissing } from '../core/usage/completeness.js';

/** What a row that was put aside holds. */
export type QuarantineKind = 'call' | 'charge' | 'user' | 'storage' | 'commit' | 'meter' | 'level' | 'keyed';

/** A row of a batch that the tables refused. Its batch counts without it. */
export interface QuarantinedRow {
  readonly id: string;
  /** Whose usage it is, in which of its records: `from + 1 .. to`. */
  readonly producerId: string;
  readonly from: number;
  readonly to: number;
  /** A `QuarantineKind`, or one that a newer version put aside: shown, and left for that to retry. */
  readonly kind: string;
  /** The row as JSON in ASCII, bytes in hex. */
  readonly content: string;
  /** Why the tables refused it then. */
  readonly reason: string;
  /** The ledger's clock, in milliseconds since 1970. */
  readonly quarantinedAtMs: number;
}

/** Some of the rows that were put aside, the oldest first, and how many there are. */
export interface QuarantineList {
  readonly total: number;
  readonly rows: readonly QuarantinedRow[];
}

/** `refused`: the tables refuse it still, and it stays where it is. `unknown`: no row with this id was put aside, or it is gone. */
export type RetryOutcome =
  | { readonly outcome: 'applied'; readonly row: QuarantinedRow }
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'unknown' };

/** A gap as the ledger keeps it. */
export interface KnownGap {
  readonly producerId: string;
  /** Records `from + 1 .. to` are missing. */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
  /** The ledger's clock, in milliseconds since 1970. */
  readonly recordedAtMs: number;
}

/** Some of the gaps, the latest first, and how many there are. */
export interface GapList {
  readonly total: number;
  readonly gaps: readonly KnownGap[];
}

/** A producer that has not said that it closed. */
export interface OpenProducer {
  readonly producerId: string;
  readonly host: string;
  readonly pid: number;
  /** Records up to this one are in the ledger. */
  readonly lastRecord: number;
  readonly hasJournal: boolean;
  /** The ledger's clock, in milliseconds since 1970. */
  readonly lastSeenAtMs: number;
  /** Whether it was seen within 10 minutes; one that was not has died, or cannot reach the ledger. */
  readonly isLive: boolean;
  /**
   * Up to when everything that it booked is in the ledger, by the ledger's clock; 1970 where nothing of it is. undefined of a process of an
   * earlier version, which does not say it.
   */
  readonly flushedUntilMs: number | undefined;
}

/** The charges of one tenant's window. Both dates inclusive. */
export interface ChargedRange {
  readonly tenantId: string;
  /** '' is the quota's own units. */
  readonly meter: string;
  readonly resetNumber: number;
  readonly first: UsageDate;
  readonly last: UsageDate;
}

/** Which charges to add up, and whose positions belong to the sums. */
export interface RecordedQuery {
  readonly ranges: readonly ChargedRange[];
  readonly producerIds: readonly string[];
}

/** The sums by range, in order, and how far producers that the ledger knows have come: what lies beyond is not in the sums. */
export interface RecordedSums {
  readonly sums: readonly { readonly units: number; readonly unconfirmed: number }[];
  readonly lastRecords: ReadonlyMap<string, number>;
}

/**
 * Of which figure of a day the ledger says two things. `active_users`: not as many as it has rows of users; `meter`: less than the quota
 * admitted of it; `storage`: not what its points integrate to; `closed_…`: less than when its month was closed, though usage never decreases.
 */
export type DisagreeingFigure = 'active_users' | 'meter' | 'storage' | 'closed_api_calls' | 'closed_active_users';

/** A day of which the ledger says two things. */
export interface Disagreement {
  readonly tenantId: string;
  readonly usageDate: UsageDate;
  readonly figure: DisagreeingFigure;
  /** Of `meter`. */
  readonly meter?: string;
  /** What the day's row says. */
  readonly recorded: number;
  /** What the rows behind it come to, or said when the month was closed. */
  readonly counted: number;
}

/** Callers may rely on: a row that was put aside is applied or discarded once, whoever asks. Methods reject as those of `UsageLedger` do. */
export interface LedgerUpkeep {
  quarantined(most: number): Promise<QuarantineList>;
  /** Applies the row to its own day and takes it out, in one transaction. */
  retryQuarantined(id: string): Promise<RetryOutcome>;
  /** Takes the row out and returns it: its usage is in no ledger then. undefined where there is none with this id. */
  discardQuarantined(id: string): Promise<QuarantinedRow | undefined>;
  gaps(most: number): Promise<GapList>;
  /** The live ones first, at most 1,000. */
  openProducers(): Promise<readonly OpenProducer[]>;
  /**
   * Asks every producer to bring what it has, which those that live do within a second or two, and then say it: see `flushedUntilMs`.
   * Resolves to the ledger's clock.
   */
  askToFlush(): Promise<number>;
  /** In one snapshot. */
  recorded(query: RecordedQuery): Promise<RecordedSums>;
  /** Tenants that the ledger knows, behind `after` (at first '') in the order of their bytes, at most `most`. */
  tenants(after: string, most: number): Promise<readonly string[]>;
  /**
   * None, unless something is wrong with the ledger itself. Both dates inclusive; storage is compared as far as its points are kept, and
   * closed months from that of `from` on.
   */
  disagreements(tenantIds: readonly string[], from: UsageDate, to: UsageDate): Promise<readonly Disagreement[]>;
  /**
   * What usage of the tenant from a date on may lack. For a report: asked before the usage, so that what counts as there is there.
   */
  missing(tenantId: string, from: UsageDate): Promise<KnownMissing>;
  /**
   * Puts one random value in the place of a user's hash, in all rows of the user: no count changes, over no range. Whoever has the
   * same hash later is somebody new. Resolves to the months in which the user was active, 0 where nothing is kept.
   */
  eraseUser(tenantId: string, userHash: Buffer): Promise<number>;
}
