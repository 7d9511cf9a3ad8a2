// Corrections of what was used: signed, with a reason and an author, each booked once by the key of whoever asks.
import { TallygateError, tenantNotFound } from '../../core/errors.js';
import type { Meters } from '../../core/meter.js';
import { dateAt, type TenantCalendar } from '../../core/time/calendar.js';
import { type AdjustmentFields, adjustmentOf } from '../../core/usage/adjustments.js';
import type { UsagePeriod } from '../../core/usage/usagePeriod.js';
import type { Clock } from '../../ports/clock.js';
import type { BookedAdjustment, UsageBookings } from '../../ports/usageBookings.js';
import { bookingKey } from './bookingKey.js';

/** What it needs. */
export interface AdjustmentsParts {
  readonly bookings: Pick<UsageBookings, 'adjust' | 'readAdjustments'>;
  readonly quotaOf: (tenantId: string) => { readonly hasSetting: boolean; readonly calendar: TenantCalendar };
  readonly hasUsage: (tenantId: string) => Promise<boolean>;
  /** The team's own. */
  readonly meters: Meters;
  readonly clock: Clock;
}

/** Who corrects, and under which key. */
export interface AdjustmentOrigin {
  readonly idempotencyKey: string;
  readonly author: string;
}

/** Most corrections of one list. */
const MOST_ADJUSTMENTS = 1_000;

/** See the head of this file. */
export class Adjustments {
  readonly #parts: AdjustmentsParts;

  constructor(parts: AdjustmentsParts) {
    this.#parts = parts;
  }

  /**
   * Books a correction; the same key again answers what was booked first, its author included.
   * @throws TallygateError `invalid_request`, `tenant_not_found`, `idempotency_conflict` where the key was used for another correction,
   * `ledger_unavailable` (perhaps booked: ask again under the same key), `migrations_pending`
   */
  async adjust(tenantId: string, fields: AdjustmentFields, origin: AdjustmentOrigin): Promise<BookedAdjustment> {
    const { bookings, quotaOf, hasUsage, clock, meters } = this.#parts;
    const { calendar, hasSetting } = quotaOf(tenantId);
    const today = dateAt(clock.wallMs(), calendar);
    const { date: usageDate, meter, delta, reason } = adjustmentOf(fields, today, meters);
    // A mistyped tenant has nothing to correct, and would exist from then on.
    if (!hasSetting && !(await hasUsage(tenantId))) throw tenantNotFound();
    const { idempotencyKey, author } = origin;
    const key = bookingKey('adjustment', idempotencyKey);
    const outcome = await bookings.adjust({ tenantId, key, usageDate, meter, delta, reason, author });
    if (outcome.outcome !== 'conflict') return outcome.adjustment;
    throw new TallygateError('idempotency_conflict', 'Another correction was booked under this key: it stands.');
  }

  /** Corrections of a period, the oldest booking first, at most 1,000. */
  list(tenantId: string, { from, to }: UsagePeriod): Promise<readonly BookedAdjustment[]> {
    return this.#parts.bookings.readAdjustments({ tenantId, from, to, most: MOST_ADJUSTMENTS });
  }
}
