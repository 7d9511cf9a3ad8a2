// What the commands need of an installation: the narrow side of what the composition root makes.
import type { Readable } from 'node:stream';
import type { InstallationFacts } from '../core/diagnosis.js';
import type { Decision } from '../core/quota/decision.js';
import type { HeldQuota } from '../core/quota/quotaReport.js';
import type { SettingPatch } from '../core/quota/setting.js';
import type { UsageDate } from '../core/time/calendar.js';
import type { LogSelector } from '../core/usage/accessLog.js';
import type { WindowAgreement } from '../core/usage/agreement.js';
import type { MonthReport } from '../core/usage/closedMonth.js';
import type { Completeness } from '../core/usage/completeness.js';
import type { StorageFigure } from '../core/usage/reportedStorage.js';
import type { UsagePeriod } from '../core/usage/usagePeriod.js';
import type { UsageReport } from '../core/usage/usageReport.js';

/** A log to replay. */
export interface CommandReplay {
  readonly file: string;
  readonly stdin: Readable;
  readonly tenantBy: LogSelector;
  readonly userBy: LogSelector | undefined;
  readonly sourceName: string | undefined;
  readonly again: boolean;
  readonly onProgress: ((progress: CommandReplayProgress) => void) | undefined;
}

/** How far a replay has come; `size` undefined where the log has none. */
export interface CommandReplayProgress {
  readonly lines: number;
  readonly bytesRead: number;
  readonly size: number | undefined;
}

/** What a replay did. */
export interface CommandReplaySummary {
  readonly lines: number;
  readonly metered: number;
  readonly withoutTenant: number;
  readonly broken: number;
  readonly brokenLines: readonly { readonly line: number; readonly reason: string }[];
  readonly tenants: number;
  readonly firstDate: UsageDate | undefined;
  readonly lastDate: UsageDate | undefined;
  readonly alreadyMetered: number;
  readonly unfinishedLine: boolean;
}

/** What to hold against what. */
export interface CommandReconcile {
  /** undefined: all that the ledger knows. */
  readonly tenantIds: readonly string[] | undefined;
  /** Closed days. */
  readonly days: number;
  /** Longest wait for a living process to bring what it has. */
  readonly waitMs: number;
  readonly onTenant: (tenant: CommandReconciliation) => void;
}

/** What was found about one tenant. */
export interface CommandReconciliation {
  readonly tenantId: string;
  readonly windows: readonly WindowAgreement[];
  readonly days: readonly {
    readonly usageDate: UsageDate;
    readonly figure: 'active_users' | 'meter' | 'storage' | 'closed_api_calls' | 'closed_active_users';
    readonly meter?: string;
    readonly recorded: number;
    readonly counted: number;
  }[];
}

/** A process that feeds the ledger. */
export interface CommandProducer {
  readonly producerId: string;
  readonly host: string;
  readonly pid: number;
  readonly hasJournal: boolean;
  readonly lastSeenAtMs: number;
  readonly flushedUntilMs: number | undefined;
}

/** What belongs to no tenant. */
export interface CommandReconciliationSummary {
  readonly tenants: number;
  /** Live, and did not say in time that they have brought what they had. */
  readonly notFlushed: readonly CommandProducer[];
  /** Silent for long, with journals elsewhere: what they have is not known. */
  readonly pendingUnknown: readonly CommandProducer[];
}

/** A row of usage that the tables refused. */
export interface CommandQuarantinedRow {
  readonly id: string;
  readonly producerId: string;
  readonly from: number;
  readonly to: number;
  readonly kind: string;
  /** The row as JSON in ASCII. */
  readonly content: string;
  readonly reason: string;
  readonly quarantinedAtMs: number;
}

/** What became of a row that was tried again. */
export type CommandRetryOutcome =
  | { readonly outcome: 'applied' | 'unknown' }
  | { readonly outcome: 'refused'; readonly reason: string };

/** An installation as the commands use it. All of it rejects with `TallygateError` only. */
export interface Installation {
  /**
   * Opens and loads what is needed; migrates the embedded database. It does not wait for what is away: a command fails at once,
   * with `folder_locked`, `migrations_pending` or `ledger_unavailable`, and is run again.
   */
  ready(): Promise<void>;
  readonly usageService: {
    query(
      tenantId: string,
      period: UsagePeriod | undefined,
      storage?: StorageFigure,
    ): Promise<UsageReport & Completeness>;
  };
  readonly closedPeriods: {
    close(
      tenantId: string,
      month: string,
      closing: { readonly author: string; readonly incomplete: boolean },
    ): Promise<MonthReport>;
    read(tenantId: string, month: string): Promise<MonthReport>;
  };
  readonly quotaService: {
    quotaOf(tenantId: string): HeldQuota;
    merge(tenantId: string, patch: SettingPatch): Promise<HeldQuota>;
    reset(tenantId: string, reset: { readonly reason: string; readonly author: string }): Promise<HeldQuota>;
  };
  /** Where the tenant stands; charges nothing and creates nothing. */
  readonly admission: { look(tenantId: string): Decision | Promise<Decision> };
  readonly upkeep: {
    /** The oldest rows that were put aside, and how many there are. */
    quarantined(most: number): Promise<{ readonly total: number; readonly rows: readonly CommandQuarantinedRow[] }>;
    retryQuarantined(id: string): Promise<CommandRetryOutcome>;
    discardQuarantined(id: string): Promise<CommandQuarantinedRow | undefined>;
  };
  /** Forgets a user; resolves to the months in which it was active. */
  eraseUser(tenantId: string, userId: string): Promise<number>;
  /** What `doctor` judges. Needs no `ready`, and tells what does not answer instead of failing. */
  examine(): Promise<InstallationFacts>;
  /** Holds the counters and closed days of tenants against what is recorded. */
  reconcile(request: CommandReconcile): Promise<CommandReconciliationSummary>;
  replayLog(request: CommandReplay): Promise<CommandReplaySummary>;
  /** Applies what is pending; `applied` is what this call applied, in order. */
  migrate(): Promise<{ readonly applied: readonly string[] }>;
  /** `missing`: what a team's own migrations have yet to make, where it owns the tables. */
  migrationStatus(): Promise<MigrationLists>;
  /** Releases connections and the data folder. */
  close(): Promise<void>;
}

/** Migrations by state. */
export interface MigrationLists {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  readonly missing: readonly string[];
}
