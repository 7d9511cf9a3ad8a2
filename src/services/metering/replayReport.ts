// What became of the lines of a replay: counts, and the first of what was broken.
import type { UsageDate } from '../../core/time/calendar.js';
import { type BrokenLine, BrokenLines } from '../../core/usage/brokenLines.js';

/** Tenants told apart: 100 MB of memory at most. Beyond it there are at least so many. */
const MAX_TENANTS_COUNTED = 1_000_000;

/** What a replay did. Everything but `alreadyMetered` is about this run alone. */
export interface ReplaySummary {
  /** Lines read: metered, without a tenant, or broken. */
  readonly lines: number;
  readonly metered: number;
  readonly withoutTenant: number;
  readonly broken: number;
  /** The first 1,000 of them. */
  readonly brokenLines: readonly BrokenLine[];
  /** Distinct tenants; counted up to 1,000,000. */
  readonly tenants: number;
  /** First and last day that gained usage, each in its tenant's zone; undefined where none did. */
  readonly firstDate: UsageDate | undefined;
  readonly lastDate: UsageDate | undefined;
  /** Lines passed over because the ledger had them. */
  readonly alreadyMetered: number;
  /** Whether the log ends in a line that is not whole yet: it waits for the next replay. */
  readonly unfinishedLine: boolean;
}

/** Collects a summary, line by line. */
export class ReplayReport {
  readonly #broken = new BrokenLines();
  readonly #tenants = new Set<string>();
  #metered = 0;
  #withoutTenant = 0;
  #firstDate: UsageDate | undefined;
  #lastDate: UsageDate | undefined;

  /** A tenant of metered lines, once a batch. */
  tenant(tenantId: string): void {
    if (this.#tenants.size < MAX_TENANTS_COUNTED) this.#tenants.add(tenantId);
  }

  metered(date: UsageDate): void {
    this.#metered += 1;
    // Dates of the form YYYY-MM-DD compare as text.
    if (this.#firstDate === undefined || date < this.#firstDate) this.#firstDate = date;
    if (this.#lastDate === undefined || date > this.#lastDate) this.#lastDate = date;
  }

  withoutTenant(): void {
    this.#withoutTenant += 1;
  }

  broken(line: number, reason: string): void {
    this.#broken.add(line, reason);
  }

  get lines(): number {
    return this.#metered + this.#withoutTenant + this.#broken.count;
  }

  summary(alreadyMetered: number, unfinishedLine: boolean): ReplaySummary {
    return {
      lines: this.lines,
      metered: this.#metered,
      withoutTenant: this.#withoutTenant,
      broken: this.#broken.count,
      brokenLines: this.#broken.named,
      tenants: this.#tenants.size,
      firstDate: this.#firstDate,
      lastDate: this.#lastDate,
      alreadyMetered,
      unfinishedLine,
    };
  }
}
