// Closing a month: what is reported of it is kept, so that the figure "as invoiced" stays answerable. Usage goes on being booked
// to its own day, also to one of a closed month; what that changes is shown apart.
import { invalidRequest, TallygateError } from '../../core/errors.js';
import { addDays, dateAt, startOfDate, type TenantCalendar } from '../../core/time/calendar.js';
import { daysOfMonth, type MonthReport, monthFault, monthReport } from '../../core/usage/closedMonth.js';
import type { UsagePeriod } from '../../core/usage/usagePeriod.js';
import type { UsageReport } from '../../core/usage/usageReport.js';
import type { Clock } from '../../ports/clock.js';
import type { UsageBookings } from '../../ports/usageBookings.js';

/** What it needs. */
export interface ClosedPeriodsParts {
  readonly bookings: Pick<UsageBookings, 'closePeriod' | 'readClosedPeriod'>;
  readonly usageService: { query(tenantId: string, period: UsagePeriod): Promise<UsageReport> };
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
   * Closes a month of the tenant's dates. One that was closed before stays as it was kept then.
   * @param month `YYYY-MM`, over in the tenant's time zone
   * @throws TallygateError `invalid_request`, `tenant_not_found`, `ledger_unavailable` also where this process's own usage of the month
   * has not reached the ledger, `migrations_pending`
   */
  async close(tenantId: string, month: string, author: string): Promise<MonthReport> {
    const { bookings, usageService } = this.#parts;
    const period = this.#over(tenantId, month);
    const closed = await bookings.readClosedPeriod(tenantId, month);
    const now = await usageService.query(tenantId, period);
    if (closed !== undefined) return monthReport(month, now, closed);
    if (Date.parse(now.asOf) < this.#endOf(tenantId, period)) {
      const message = 'Usage of the month is still on its way to the ledger from this process: try again in a moment';
      throw new TallygateError('ledger_unavailable', message);
    }
    return monthReport(month, now, await bookings.closePeriod({ tenantId, month, author, report: now }));
  }

  /** A month that is over, closed or not. Throws as `close`. */
  async read(tenantId: string, month: string): Promise<MonthReport> {
    const now = await this.#parts.usageService.query(tenantId, this.#over(tenantId, month));
    return monthReport(month, now, await this.#parts.bookings.readClosedPeriod(tenantId, month));
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
