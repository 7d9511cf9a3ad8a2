// Closing a month: what is reported of it is kept, so that the figure "as invoiced" stays answerable. Usage goes on being booked
// to its own day, also to one of a closed month; what that changes is shown apart.
import { invalidRequest, TallygateError } from '../../core/errors.js';
import { addDays, dateAt, startOfDate, type TenantCalendar } from '../../core/time/calendar.js';
import {
  billingMonthsOf,
  daysOfMonth,
  type MonthReport,
  monthFault,
  monthReport,
} from '../../core/usage/closedMonth.js';
import { type Completeness, flushedPast, incompleteReasons } from '../../core/usage/completeness.js';
import type { UsagePeriod } from '../../core/usage/usagePeriod.js';
import type { UsageReport } from '../../core/usage/usageReport.js';
import type { Clock } from '../../ports/clock.js';
import type { LedgerUpkeep } from '../../ports/ledgerUpkeep.js';
import type { ClosedPeriod, UsageBookings } from '../../ports/usageBookings.js';

/** What it needs. */
export interface ClosedPeriodsParts {
  readonly bookings: Pick<UsageBookings, 'closePeriod' | 'readClosedPeriod'>;
  readonly usageService: { query(tenantId: string, period: UsagePeriod): Promise<UsageReport & Completeness> };
  readonly upkeep: Pick<LedgerUpkeep, 'openProducers'>;
  readonly quotaOf: (tenantId: string) => { readonly calendar: TenantCalendar };
  readonly clock: Clock;
}

/** See the head of this file. */
export class ClosedPeriods {
  readonly #parts: ClosedPeriodsParts;

  constructor(parts: ClosedPeriodsParts) {
    this.#parts = parts;
  }

  /**
   * Closes a calendar month of the tenant's dates. One that was closed before stays as it was kept then.
   * @param month `YYYY-MM`, over in the tenant's time zone
   * @param closing.incomplete also where the month is not complete: what is kept says so
   * @throws TallygateError `invalid_request`, `tenant_not_found`, `period_incomplete` with who has not flushed and what is missing,
   * `ledger_unavailable` also where this process's own usage of the month
   * has not reached the ledger, `migrations_pending`
   */
  async close(
    tenantId: string,
    month: string,
    { author, incomplete = false }: { readonly author: string; readonly incomplete?: boolean },
  ): Promise<MonthReport> {
    const { bookings, usageService } = this.#parts;
    const period = this.#over(tenantId, month);
    const closed = await bookings.readClosedPeriod(tenantId, month);
    const now = await usageService.query(tenantId, period);
    if (closed !== undefined) return this.#shown(month, now, closed);
    if (Date.parse(now.asOf) < this.#endOf(tenantId, period)) {
      const message = 'Usage of the month is still on its way to the ledger from this process: try again in a moment';
      throw new TallygateError('ledger_unavailable', message);
    }
    if (!now.complete && !incomplete) throw await this.#refusal(month, now, this.#endOf(tenantId, period));
    return this.#shown(month, now, await bookings.closePeriod({ tenantId, month, author, report: now }));
  }

  async #refusal(month: string, now: Completeness, endMs: number): Promise<TallygateError> {
    const producers = (await this.#parts.upkeep.openProducers()).filter(({ isLive }) => isLive);
    const behind = producers.filter((one) => (one.flushedUntilMs ?? one.lastSeenAtMs) < flushedPast(endMs));
    const reasons = incompleteReasons(now, behind);
    const message = `${month} is not complete: ${reasons.join('; ') || 'try again in a minute'}. It can be closed as incomplete.`;
    return new TallygateError('period_incomplete', message);
  }

  #shown(month: string, now: UsageReport, closed: ClosedPeriod | undefined): MonthReport {
    const billingMonths = billingMonthsOf(now.period, this.#parts.quotaOf(now.tenantId).calendar);
    return { ...monthReport(month, now, closed), ...(billingMonths === undefined ? {} : { billingMonths }) };
  }

  /** A month that is over, closed or not. Throws as `close`. */
  async read(tenantId: string, month: string): Promise<MonthReport> {
    const now = await this.#parts.usageService.query(tenantId, this.#over(tenantId, month));
    return this.#shown(month, now, await this.#parts.bookings.readClosedPeriod(tenantId, month));
  }

  #over(tenantId: string, month: string): UsagePeriod {
    const today = dateAt(this.#parts.clock.wallMs(), this.#parts.quotaOf(tenantId).calendar);
    const [fault, period] = [monthFault(month, today), daysOfMonth(month)];
    if (fault !== undefined || period === undefined) throw invalidRequest(fault === undefined ? [] : [fault]);
    return period;
  }

  #endOf(tenantId: string, { to }: UsagePeriod): number {
    return startOfDate(addDays(to, 1), this.#parts.quotaOf(tenantId).calendar);
  }
}
