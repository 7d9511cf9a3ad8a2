// The usage ledger: what was used, by tenant and day, exactly once. What it applied is recorded in the same transaction.
import type { UsageDate } from '../core/time/calendar.js';
import type { AdjustmentSum } from '../core/usage/adjustments.js';
import type { StorageDay } from '../core/usage/storageIntegral.js';
import type { LevelPointRow, StoragePointRow, UsageSums } from './usageSums.js';

export type { StorageDay } from '../core/usage/storageIntegral.js';
export {
  type ActiveUserRow,
  type CallRow,
  type ChargeRow,
  type CommitRow,
  type KeyedRow,
  type LevelPointRow,
  type MeterRow,
  NO_SUMS,
  type StoragePointRow,
  type UsageSums,
} from './usageSums.js';

/**
 * How many milliseconds ago something was, at least. Asked once the statement's transaction has begun: then the database's own clock,
 * less this, is no later than that moment, however long the way there took.
 */
export type AgoMs = () => number;

/** The records `from + 1 .. to` of one producer, added up. */
export interface UsageBatch extends UsageSums {
  readonly producerId: string;
  readonly from: number;
  readonly to: number;
  /** When the records up to `to` were all that the producer had booked. Left out by whoever does not know: who applies them for it. */
  readonly allBookedAgoMs?: AgoMs | undefined;
}

/** That a producer had booked no more than its records up to `record` at some moment. */
export interface AllBooked {
  readonly record: number;
  readonly agoMs: AgoMs;
}

/**
 * `applied`: the range is now in the ledger; rows of it that the tables refuse, `quarantined` in number, are kept apart there. `elsewhere`: nothing was written, the producer stands at `lastRecord` instead of
 * the batch's `from`. `unregistered`: nothing was written, the ledger does not know the producer.
 */
export type ApplyOutcome =
  | { readonly outcome: 'applied'; readonly quarantined?: number }
  | { readonly outcome: 'elsewhere'; readonly lastRecord: number }
  | { readonly outcome: 'unregistered' };

/** Where a replay of a log stands: how much of it is in the ledger. */
export interface ReplayPosition {
  /** Uncompressed bytes consumed. */
  readonly bytes: number;
  /** SHA-256 of those bytes, hex. */
  readonly sha256: string;
  /** Lines consumed, so that later ones keep their numbers. */
  readonly lines: number;
}

/** Lines of an access log, added up, with the step of the log's position that belongs to them. */
export interface ReplayBatch extends UsageSums {
  /** Identity of the log. */
  readonly source: string;
  /** The options that decide what a line means, as canonical text. */
  readonly options: string;
  /** undefined: the log was never replayed before. */
  readonly from: ReplayPosition | undefined;
  readonly to: ReplayPosition;
}

/** What the ledger knows of one tenant's day. A day without any row is left out by the ledger and filled in by the report. */
export interface LedgerDay {
  readonly usageDate: UsageDate;
  readonly apiCalls: number;
  readonly activeUsers: number;
  /** The storage day as integrated from its points; undefined where no point lies in it (the level carries over, or nothing is known). */
  readonly storage?: StorageDay;
}

/** What the ledger knows of one of the team's own meters on a tenant's day. */
export interface LedgerMeterDay {
  readonly usageDate: UsageDate;
  readonly meter: string;
  /** Of a counter. */
  readonly amount: number;
  /** Of a level, as storage has it. */
  readonly level?: StorageDay;
}

/** Usage of one tenant over a range of its days. */
export interface LedgerUsage {
  readonly days: readonly LedgerDay[];
  /** Distinct over the whole range: never a sum of days. */
  readonly activeUsers: number;
  /** The last storage day before the range, for the level that carries over. */
  readonly storageBefore: (StorageDay & { readonly usageDate: UsageDate }) | undefined;
  /** Points of the range's last date, oldest first, to integrate the running day up to now: ask for no range past today. */
  readonly pointsOfLastDate: readonly StoragePointRow[];
  /** By date, then by meter; declared or not. What the quota admitted of a meter is in it. */
  readonly meters: readonly LedgerMeterDay[];
  /** Of each level the last day with points in the 37 days before the range. */
  readonly levelsBefore: readonly Required<Pick<LedgerMeterDay, 'meter' | 'usageDate' | 'level'>>[];
  /** As `pointsOfLastDate`, of levels. */
  readonly levelPointsOfLastDate: readonly LevelPointRow[];
  /** Units above soft limits, by day and meter ('' the quota's own units), where there were any; they are in the charges' units. */
  readonly overage: readonly { readonly usageDate: UsageDate; readonly meter: string; readonly units: number }[];
  /** Corrections of the range, added up by day and meter. None of them is in `days`. */
  readonly adjustments: readonly AdjustmentSum[];
  /** Months (`YYYY-MM`) that were closed and that the range touches, oldest first. */
  readonly closedMonths: readonly string[];
  /** Whether the tenant has any usage at all, in the range or outside. */
  readonly exists: boolean;
  /** The database's clock when this was read, in milliseconds since 1970. */
  readonly readAtMs: number;
}

/** Sum of the quota units that one window of a tenant was charged, by the ledger. */
export interface ChargeSumQuery {
  readonly tenantId: string;
  readonly meter: string;
  readonly resetNumber: number;
  readonly firstDate: UsageDate;
  readonly lastDate: UsageDate;
}

/** What identifies a ledger. Made once, when the tables were. */
export interface LedgerIdentity {
  readonly ledgerId: string;
  /** The 32-byte key under which users are hashed. */
  readonly hashKey: Buffer;
}

/** Known to be missing: records that were acknowledged and are in no ledger any more. */
export interface UsageGap {
  readonly producerId: string;
  /** Records `from + 1 .. to` are missing. */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** Who feeds the ledger under an id. */
export interface ProducerHolder {
  readonly host: string;
  readonly pid: number;
  /** Whether its usage also lies on a disk. @defaultValue false */
  readonly hasJournal?: boolean;
}

/** Who else feeds this ledger. */
export interface LiveProducer {
  readonly producerId: string;
  readonly host: string;
  readonly pid: number;
}

/**
 * Callers may rely on: a range or a log's step is applied whole or not at all, and at most once, whatever is resent.
 * Every method rejects with `ledger_unavailable` (outcome unknown: try again), `ledger_refused` (PostgreSQL refuses this
 * data, SQLSTATE class 22, 23 or 54: trying again will not help; `apply` puts such rows aside instead) or `migrations_pending`, never with anything else.
 */
export interface UsageLedger {
  identity(): Promise<LedgerIdentity>;
  /** A fresh UUIDv7 by the database's clock. */
  newProducerId(): Promise<string>;
  /**
   * Idempotent. `refused` where the id is older than the collector's minimum age: 35 days for a producer with a journal, which may
   * come back that late, one day for others.
   */
  registerProducer(producerId: string, holder: ProducerHolder): Promise<'registered' | 'refused'>;
  /**
   * Says that the producer lives, or that it closed; `allBooked` counts where the ledger stands at that record. Resolves to the last
   * record that the ledger has of it, undefined where it does not know the producer (any more).
   */
  touchProducer(producerId: string, closed: boolean, allBooked?: AllBooked): Promise<number | undefined>;
  /** Producers that are not closed, were seen within 10 minutes, and are not `producerId`. */
  otherLiveProducers(producerId: string): Promise<readonly LiveProducer[]>;
  apply(batch: UsageBatch): Promise<ApplyOutcome>;
  recordGap(gap: UsageGap): Promise<void>;
  /** undefined where the source was never replayed. */
  replayPosition(source: string): Promise<(ReplayPosition & { readonly options: string }) | undefined>;
  /** `lost`: another replay advanced the source meanwhile; nothing was written. */
  applyReplay(batch: ReplayBatch): Promise<'applied' | 'lost'>;
  /** Both dates inclusive. The ledger's clock decides nothing here: the running day is integrated by the report. */
  readUsage(tenantId: string, from: UsageDate, to: UsageDate): Promise<LedgerUsage>;
  /** One sum a query, in their order, in one round trip. */
  sumCharges(queries: readonly ChargeSumQuery[]): Promise<readonly number[]>;
}
