// What is booked, and to which day. The quota's figures come from decisions, calls and users from `usageMeter`, storage from
// the app: all of them land in the buffer, in the turn in which they happen.
import { invalidRequest } from '../../core/errors.js';
import { OWN_UNITS } from '../../core/meter.js';
import { costIn } from '../../core/quota/cost.js';
import type { Decision } from '../../core/quota/decision.js';
import { isCount, MAX_COUNT } from '../../core/quota/limit.js';
import type { UsageDate } from '../../core/time/calendar.js';
import type { ChargeAmounts } from '../../core/usage/increments.js';
import { isWithinReach } from '../../core/usage/reach.js';
import type { Clock } from '../../ports/clock.js';
import type { CommitRow } from '../../ports/usageLedger.js';
import type { UsageBuffer } from './usageBuffer.js';
import { uuidv7 } from './uuidv7.js';

/** What it needs. */
export interface UsageRecorderParts {
  readonly buffer: UsageBuffer;
  /** `USAGE_METER_ENABLED`: false books quota units and denials only, which the quotas need. */
  readonly metering: boolean;
  readonly clock: Clock;
  /** Called after each booking: enough rows may wait for a flush now. */
  readonly onBooked: () => void;
}

/** See the head of this file. */
export class UsageRecorder {
  readonly #parts: UsageRecorderParts;

  constructor(parts: UsageRecorderParts) {
    this.#parts = parts;
  }

  /**
   * Books what a decision did to the quota, also where no usage is metered. What an outage policy let pass is booked as units,
   * whether or not the store charged it; a charge of unknown outcome that was refused is booked apart, never as units.
   */
  recordDecision(decision: Decision): void {
    const rows = chargesOf(decision);
    if (rows.length === 0) return;
    const { tenantId, label } = decision;
    const { usageDate, resetNumber } = label;
    for (const { meter, ...amounts } of rows)
      this.#parts.buffer.addCharge({ tenantId, usageDate, meter, resetNumber }, amounts);
    this.#parts.onBooked();
  }

  /**
   * Books units once by their key, whoever tells of them again and how often, for 35 days: the actual cost of a reservation that is
   * committed, in time or late, or of a keyed call. Needed by the quotas, so booked also where no usage is metered.
   */
  recordCommit({ tenantId, key, ...commit }: CommitRow): void {
    if (commit.units === 0) return;
    this.#parts.buffer.addCommit(tenantId, { ...commit, key: key.toString('hex') });
    this.#parts.onBooked();
  }

  /** Books one API call, and its user as active on that day. */
  recordCall(tenantId: string, usageDate: UsageDate, userId: string | undefined): void {
    if (!this.#parts.metering) return;
    this.#parts.buffer.addCalls(tenantId, usageDate, 1);
    if (userId !== undefined) this.#parts.buffer.addUser(tenantId, usageDate, userId);
    this.#parts.onBooked();
  }

  /** Books several API calls at once, for jobs and queues. `count` is whole, from 0 to 2^53-1. */
  recordCalls(tenantId: string, usageDate: UsageDate, count: number): void {
    if (!this.#parts.metering || count === 0) return;
    this.#parts.buffer.addCalls(tenantId, usageDate, count);
    this.#parts.onBooked();
  }

  /** Books a user as active on a day, without a call. */
  recordUser(tenantId: string, usageDate: UsageDate, userId: string): void {
    if (!this.#parts.metering) return;
    this.#parts.buffer.addUser(tenantId, usageDate, userId);
    this.#parts.onBooked();
  }

  /**
   * Books a storage level that holds from `atMs` on, until the next one.
   * @param bytes whole, 0 to 2^53-1
   * @throws TallygateError `invalid_request` where a value is out of range, or `atMs` is more than 35 days back or 5 minutes ahead
   */
  recordStorage(tenantId: string, bytes: number, atMs: number): void {
    const now = this.#parts.clock.wallMs();
    const faults = [];
    if (!isCount(bytes)) {
      faults.push({ location: 'set', message: `expected whole bytes from 0 to ${MAX_COUNT}, got ${bytes}` });
    }
    if (!isWithinReach(atMs, now)) {
      faults.push({ location: 'at', message: 'expected a time at most 35 days back and at most 5 minutes ahead' });
    }
    if (faults.length > 0) throw invalidRequest(faults);
    if (!this.#parts.metering) return;
    this.#parts.buffer.addStorage(tenantId, { atSeconds: Math.floor(atMs / 1000), bytes, id: uuidv7(now) });
    this.#parts.onBooked();
  }
}

/** What a decision did to the quota, by meter; nothing where nothing of it is booked. Requests that are refused count once, as own units. */
export function chargesOf(decision: Decision): (Partial<ChargeAmounts> & { readonly meter: string })[] {
  const { cost, meterCosts, overage, meterOverages, chargeUnknown } = decision;
  if (decision.allowed) {
    // An estimate is no usage: what it was in the end is booked by its commit, since units never decrease.
    if (decision.isReservation) return [];
    const metered = meterCosts.map(({ meter, units }) => ({ meter, units, overage: costIn(meterOverages, meter) }));
    return cost === 0 ? metered : [{ meter: OWN_UNITS, units: cost, overage }, ...metered];
  }
  const metered = chargeUnknown ? meterCosts.map(({ meter, units }) => ({ meter, unconfirmed: units })) : [];
  const unconfirmed = chargeUnknown ? cost : 0;
  // Denied by the process's own counters after a charge that the store may have made: both are true.
  if (decision.outcome === 'denied') return [{ meter: OWN_UNITS, denied: 1, unconfirmed }, ...metered];
  return unconfirmed > 0 ? [{ meter: OWN_UNITS, unconfirmed }, ...metered] : metered;
}
