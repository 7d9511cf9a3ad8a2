// What was used: the answer of the usage API and of the command line, from the ledger and never from a cache.
import { tenantNotFound } from '../../core/errors.js';
import type { Meters } from '../../core/meter.js';
import { dateAt, firstOfMonth, type TenantCalendar } from '../../core/time/calendar.js';
import { type Completeness, completenessOf } from '../../core/usage/completeness.js';
import type { StorageFigure } from '../../core/usage/reportedStorage.js';
import type { UsagePeriod } from '../../core/usage/usagePeriod.js';
import { buildUsageReport, type UsageReport } from '../../core/usage/usageReport.js';
import type { Clock } from '../../ports/clock.js';
import type { LedgerUpkeep } from '../../ports/ledgerUpkeep.js';
import type { UsageLedger } from '../../ports/usageLedger.js';

/** Longest wait of a read for this process's own buffer; what is not in the ledger by then is told by `asOf`. */
export const READ_FLUSH_WAIT_MS = 250;

/** What it needs. */
export interface UsageServiceParts {
  readonly ledger: UsageLedger;
  readonly upkeep: Pick<LedgerUpkeep, 'missing'>;
  readonly quotaOf: (tenantId: string) => { readonly hasSetting: boolean; readonly calendar: TenantCalendar };
  /** The team's own meters. @defaultValue none */
  readonly meters?: Meters;
  /** Brings this process's buffer to the ledger within so many milliseconds: true where it did. Handed in by the root. */
  readonly flushWithin: (mostMs: number) => Promise<boolean>;
  readonly clock: Clock;
}

/** What a tenant used, and what is not known of it. */
export type UsageAnswer = UsageReport & Completeness;

const NO_METERS: Meters = new Map();

/** See the head of this file. */
export class UsageService {
  readonly #parts: UsageServiceParts;
  /** The last instant up to which this process's own usage is known to be in the ledger. */
  #flushedUpToMs: number;

  constructor(parts: UsageServiceParts) {
    this.#parts = parts;
    this.#flushedUpToMs = parts.clock.wallMs();
  }

  /**
   * The tenant's usage by day and in total; `storage` says what `storageBytes` is. Without a period: its current calendar month, up to today.
   * @throws TallygateError `tenant_not_found` where it has neither usage nor a setting, `ledger_unavailable`, `migrations_pending`
   */
  async query(
    tenantId: string,
    period: UsagePeriod | undefined,
    storage: StorageFigure = 'average',
  ): Promise<UsageAnswer> {
    const { calendar, hasSetting } = this.#parts.quotaOf(tenantId);
    const askedAtMs = this.#parts.clock.wallMs();
    const today = dateAt(askedAtMs, calendar);
    const { from, to } = period ?? { from: firstOfMonth(today), to: today };
    if (await this.#parts.flushWithin(READ_FLUSH_WAIT_MS)) this.#flushedUpToMs = askedAtMs;
    // First: a producer that was heard of by then had brought before what is read below.
    const missing = await this.#parts.upkeep.missing(tenantId, from);
    // The ledger hands out the points of the last day asked for: that of today, where today is in the range.
    const usage = await this.#parts.ledger.readUsage(tenantId, from, from <= today && today < to ? today : to);
    // Rows that the tables refused are no usage yet, but they are somebody's.
    const isKnown = usage.exists || hasSetting || missing.quarantinedRows > 0;
    if (!isKnown) throw tenantNotFound();
    const asOfMs = this.#flushedUpToMs;
    const { meters = NO_METERS } = this.#parts;
    const report = buildUsageReport({ tenantId, from, to, today, usage, calendar, asOfMs, storage, meters });
    return { ...report, ...completenessOf({ from, to, calendar, asOfMs }, missing) };
  }

  /** Whether the ledger has any usage of the tenant, this process's own buffer included. Throws as `query`, but never `tenant_not_found`. */
  async hasUsage(tenantId: string): Promise<boolean> {
    await this.#parts.flushWithin(READ_FLUSH_WAIT_MS);
    const today = dateAt(this.#parts.clock.wallMs(), this.#parts.quotaOf(tenantId).calendar);
    return (await this.#parts.ledger.readUsage(tenantId, today, today)).exists;
  }
}
