// Events from outside: which of them can be booked, to which day, under which key; and what became of each.
import { hasCode, TallygateError } from '../../core/errors.js';
import { API_CALLS, type Meters } from '../../core/meter.js';
import { dateAt, type TenantCalendar } from '../../core/time/calendar.js';
import { userHashOf } from '../../core/usage/activeDays.js';
import { isWithinReach } from '../../core/usage/reach.js';
import type { EventOutcome, EventRejection, UsageEvent } from '../../core/usage/usageEvent.js';
import type { Clock } from '../../ports/clock.js';
import type { EventRow, UsageBookings } from '../../ports/usageBookings.js';
import type { UsageLedger } from '../../ports/usageLedger.js';
import { bookingKey } from './bookingKey.js';

/** What it needs. */
export interface UsageEventsParts {
  readonly bookings: Pick<UsageBookings, 'bookEvents'>;
  readonly ledger: Pick<UsageLedger, 'identity'>;
  readonly quotaOf: (tenantId: string) => { readonly known: boolean; readonly calendar: TenantCalendar };
  /** Whether tenants without a setting are refused, `UNKNOWN_TENANTS=deny`. */
  readonly refusesUnknown: boolean;
  /** The team's own. */
  readonly meters: Meters;
  /** A UUIDv7 of the instant: of two levels in one second the later id wins. */
  readonly newPointId: (nowMs: number) => string;
  /** `USAGE_METER_ENABLED`. */
  readonly metering: boolean;
  readonly clock: Clock;
}

/** See the head of this file. */
export class UsageEvents {
  readonly #parts: UsageEventsParts;
  #hashKey: Buffer | undefined;

  constructor(parts: UsageEventsParts) {
    this.#parts = parts;
  }

  /**
   * Books events, each once by tenant, source and id for 35 days, each on the day of its own time. Answers in their order.
   * @throws TallygateError `ledger_unavailable`, `migrations_pending`: perhaps booked; send the same again, nothing counts twice.
   * `not_supported` where nothing is metered
   */
  async book(events: readonly UsageEvent[]): Promise<EventOutcome[]> {
    if (!this.#parts.metering) {
      throw new TallygateError('not_supported', 'Nothing is metered here: USAGE_METER_ENABLED is false.');
    }
    const nowMs = this.#parts.clock.wallMs();
    const hashKey = await this.#identity();
    const rejections = events.map((event) => this.#rejection(event, nowMs));
    const open = events.filter((_, index) => rejections[index] === undefined);
    const booked = await this.#bookRows(open.map((event) => this.#rowOf(event, nowMs, hashKey)));
    let next = 0;
    return rejections.map((rejection) => rejection ?? (booked[next++] as EventOutcome));
  }

  /** The key under which users are hashed never changes: read once. */
  async #identity(): Promise<Buffer> {
    this.#hashKey ??= (await this.#parts.ledger.identity()).hashKey;
    return this.#hashKey;
  }

  #rejection({ tenantId, atMs, meter, value }: UsageEvent, nowMs: number): EventOutcome | undefined {
    const { refusesUnknown, quotaOf, meters } = this.#parts;
    if (meter !== API_CALLS && !meters.has(meter)) {
      return rejected('unknown_meter', 'data.meter', `expected one of ${[API_CALLS, ...meters.keys()].join(', ')}`);
    }
    // One of a counter is meant where nothing is said; no level is.
    if (value === undefined && meters.get(meter)?.kind === 'level') {
      return rejected('invalid_event', 'data.value', 'expected the level that holds from then on');
    }
    if (atMs !== undefined && !isWithinReach(atMs, nowMs)) {
      return rejected('time_out_of_range', 'time', 'expected at most 35 days back and at most 5 minutes ahead');
    }
    if (refusesUnknown && !quotaOf(tenantId).known) {
      return rejected(
        'tenant_unknown',
        'subject',
        'no quota is set for this tenant, and tenants without one are refused',
      );
    }
    return undefined;
  }

  #rowOf(event: UsageEvent, nowMs: number, hashKey: Buffer): EventRow {
    const { tenantId, source, id, atMs, userId } = event;
    const usageDate = dateAt(atMs ?? nowMs, this.#parts.quotaOf(tenantId).calendar);
    const userHash = userId === undefined ? undefined : userHashOf(hashKey, tenantId, userId);
    return { tenantId, key: bookingKey('event', source, id), usageDate, ...this.#useOf(event, nowMs), userHash };
  }

  #useOf(
    { meter, value = 1, atMs }: UsageEvent,
    nowMs: number,
  ): Pick<EventRow, 'apiCalls' | 'meter' | 'amount' | 'level'> {
    if (meter === API_CALLS) return { apiCalls: value, meter: '', amount: 0, level: undefined };
    const isLevel = this.#parts.meters.get(meter)?.kind === 'level';
    const atSeconds = Math.floor((atMs ?? nowMs) / 1000);
    const level = isLevel ? { atSeconds, bytes: value, id: this.#parts.newPointId(nowMs) } : undefined;
    return { apiCalls: 0, meter, amount: isLevel ? 0 : value, level };
  }

  /** In one transaction; where PostgreSQL refuses it, in halves, so that one row that nobody foresaw loses no other. */
  async #bookRows(rows: readonly EventRow[]): Promise<EventOutcome[]> {
    if (rows.length === 0) return [];
    try {
      const booked = await this.#parts.bookings.bookEvents(rows);
      return booked.map((isNew) => ({ status: isNew ? 'accepted' : 'duplicate' }));
    } catch (error) {
      if (!hasCode(error, 'ledger_refused')) throw error;
      if (rows.length === 1) return [rejected('ledger_refused', '', 'the ledger cannot hold this event')];
      const middle = rows.length >> 1;
      // One after the other: an event that repeats an earlier one is the duplicate.
      const first = await this.#bookRows(rows.slice(0, middle));
      return [...first, ...(await this.#bookRows(rows.slice(middle)))];
    }
  }
}

const rejected = (code: EventRejection, location: string, message: string): EventOutcome => ({
  status: 'rejected',
  code,
  errors: [{ location, message }],
});
