// What is booked, and to which day. The quota's figures come from decisions, calls and users from `usageMeter`, storage from
// the app: all of them land in the buffer, in the turn in which they happen.
import { invalidRequest } from '../../core/errors.js';
import type { Decision } from '../../core/quota/decision.js';
import { isCount, MAX_COUNT } from '../../core/quota/limit.js';
import type { UsageDate } from '../../core/time/calendar.js';
import type { StorageIncrement } from '../../core/usage/increments.js';
import { isWithinReach } from '../../core/usage/reach.js';
import type { Clock } from '../../ports/clock.js';
import type { CommitRow } from '../../ports/usageLedger.js';
import { chargesOf, keyedCommits } from './decisionRows.js';
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

/** Usage that counts once by its key. */
export interface UseOnce {
  /** 16 bytes. */
  readonly key: Buffer;
  readonly usageDate: UsageDate;
  readonly apiCalls: number;
  /** One of the team's own; '' where it is of none. */
  readonly meter: string;
  /** Of a counter. */
  readonly amount: number;
  /** Of a level, in place of an amount. */
  readonly level: { readonly value: number; readonly atMs: number } | undefined;
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
    if (decision.keyed !== undefined && decision.allowed) {
      for (const row of keyedCommits(decision, decision.keyed, this.#parts.metering)) this.recordCommit(row);
      return;
    }
    const rows = chargesOf(decision);
    if (rows.length === 0) return;
    const { tenantId, label } = decision;
    const { usageDate, resetNumber } = label;
    for (const { meter, ...amounts } of rows)
      this.#parts.buffer.addCharge({ tenantId, usageDate, meter, resetNumber }, amounts);
    this.#parts.onBooked();
  }

  /**
   * Books units and calls once by their key, whoever tells of them again and how often, for 35 days: the actual cost of a reservation that is
   * committed, in time or late, or of a keyed call. Needed by the quotas, so booked also where no usage is metered.
   */
  recordCommit({ tenantId, key, ...commit }: CommitRow): void {
    if (commit.units === 0 && (commit.apiCalls ?? 0) === 0) return;
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

  /** Books an amount of one of the team's own counters. `amount` is whole, from 0 to 2^53-1. */
  recordMeter(tenantId: string, usageDate: UsageDate, meter: string, amount: number): void {
    if (!this.#parts.metering || amount === 0) return;
    this.#parts.buffer.addMeter(tenantId, usageDate, meter, amount);
    this.#parts.onBooked();
  }

  /** Books a level of one of the team's own meters, which holds from `atMs` on. `level` is whole, from 0 to 2^53-1. */
  recordLevel(tenantId: string, meter: string, level: number, atMs: number): void {
    if (!this.#parts.metering) return;
    this.#parts.buffer.addLevel(tenantId, { meter, ...this.#pointOf(level, atMs) });
    this.#parts.onBooked();
  }

  /** Books usage once by its key, whoever tells of it again and how often, for 35 days. Amounts as in the methods without a key. */
  recordOnce(tenantId: string, { key, usageDate, apiCalls, meter, amount, level }: UseOnce): void {
    if (!this.#parts.metering) return;
    this.#parts.buffer.addKeyed(tenantId, {
      ...{ key: key.toString('hex'), usageDate, apiCalls, meter, amount },
      level: level === undefined ? undefined : this.#pointOf(level.value, level.atMs),
    });
    this.#parts.onBooked();
  }

  #pointOf(bytes: number, atMs: number): StorageIncrement {
    return { atSeconds: Math.floor(atMs / 1000), bytes, id: uuidv7(this.#parts.clock.wallMs()) };
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
    this.#parts.buffer.addStorage(tenantId, this.#pointOf(bytes, atMs));
    this.#parts.onBooked();
  }
}
