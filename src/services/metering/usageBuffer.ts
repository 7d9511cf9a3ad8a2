// What was used and is not known to be in the ledger: the turn that runs, the open segment behind it, and sealed ones in front of
// the ledger, the oldest first. With a journal each turn becomes a numbered record on disk before it joins the open segment.
//
//   turn --end of the turn: a record, one write--> open --a flush, 1 MB or 5,000 rows--> sealed --applied--> gone
//
// Numbers: a record is `from + 1 .. to`. Segments follow each other without a hole, but for what a ledger that went back has lost and
// no journal has. They are never used twice. Without a journal a sealed segment is one record.

import type { UsageDate } from '../../core/time/calendar.js';
import {
  type ChargeAmounts,
  type CommitIncrement,
  type KeyedIncrement,
  type LevelIncrement,
  type StorageIncrement,
  UsageIncrements,
} from '../../core/usage/increments.js';
import type { OwnJournal } from '../../ports/usageJournal.js';
import type { ChargeRow, UsageSums } from '../../ports/usageLedger.js';
import { SeenUsers } from './seenUsers.js';

/** Rows at which a segment is sealed, so that a transaction stays within its deadline whatever the backlog. */
export const MAX_SEGMENT_ROWS = 5_000;
/** Bytes of its file at which a segment is sealed, so that what is merged at a time stays small. */
const MAX_SEGMENT_BYTES = 1024 * 1024;

/** Usage that is brought to the ledger by one attempt: the records `from + 1 .. to`. */
export interface UsageSegment {
  readonly from: number;
  readonly to: number;
  readonly increments: UsageIncrements;
  /** Bytes that it takes on disk, by its own account. */
  readonly bytes: number;
  /** Whether it was made of others. */
  readonly isMerged: boolean;
  /** Whether an attempt may have ended at its end, by whomever: then it is never merged. */
  isAttempted: boolean;
  /** Whether an attempt of this process ended without an answer. */
  isInDoubt: boolean;
  /** Its rows, once they were needed. */
  rows: UsageSums | undefined;
}

/** What it needs. */
export interface UsageBufferParts {
  readonly onSaturated: (what: string) => void;
  /** The journal to write to now; undefined while there is none. Left out: there never is one, and turns are not kept apart. */
  readonly journal?: () => OwnJournal | undefined;
  /** Calls back at the end of the running turn of the event loop. A seam of the explorer of interleavings. */
  readonly atEndOfTurn?: (work: () => void) => void;
}

/** See the head of this file. */
export class UsageBuffer {
  /** Users whose booking is on disk. To be cleared where something of this process was lost. */
  readonly seenUsers = new SeenUsers();
  readonly #parts: UsageBufferParts;
  readonly #atEndOfTurn: (work: () => void) => void;
  #turn: UsageIncrements;
  #turnEndsLater = false;
  #open: UsageIncrements;
  #openFrom = 0;
  #sealed: UsageSegment[] = [];
  #sealedRows = 0;
  #lastRecord = 0;

  constructor(parts: UsageBufferParts) {
    this.#parts = parts;
    this.#atEndOfTurn = parts.atEndOfTurn ?? setImmediate;
    this.#turn = new UsageIncrements(parts.onSaturated);
    this.#open = new UsageIncrements(parts.onSaturated);
  }

  /** Rows that wait; one that waits in two segments counts twice. */
  get rows(): number {
    return this.#turn.rows + this.#open.rows + this.#sealedRows;
  }

  /** The last record that was made. */
  get lastRecord(): number {
    return this.#lastRecord;
  }

  /** Where the open segment begins: the last record that is sealed. */
  get openFrom(): number {
    return this.#openFrom;
  }

  /** Sealed segments, the oldest first. */
  get sealed(): readonly UsageSegment[] {
    return this.#sealed;
  }

  /** Whether anything of the tenant waits. */
  has(tenantId: string): boolean {
    const holds = ({ tenants }: UsageIncrements) => tenants.has(tenantId);
    return holds(this.#turn) || holds(this.#open) || this.#sealed.some((segment) => holds(segment.increments));
  }

  addCalls(tenantId: string, usageDate: UsageDate, count: number): void {
    this.#current().addCalls(tenantId, usageDate, count);
    this.#added();
  }

  addCharge(
    { tenantId, usageDate, meter, resetNumber }: Pick<ChargeRow, 'tenantId' | 'usageDate' | 'meter' | 'resetNumber'>,
    { units = 0, denied = 0, unconfirmed = 0, overage = 0 }: Partial<ChargeAmounts>,
  ): void {
    const charge = { meter, resetNumber, units, denied, unconfirmed, overage };
    this.#current().addCharge(tenantId, usageDate, charge);
    this.#added();
  }

  addUser(tenantId: string, usageDate: UsageDate, userId: string): void {
    if (this.seenUsers.has(tenantId, usageDate, userId)) return;
    this.#current().addUser(tenantId, usageDate, userId);
    this.#added();
  }

  addStorage(tenantId: string, point: StorageIncrement): void {
    this.#current().addStorage(tenantId, point);
    this.#added();
  }

  addCommit(tenantId: string, commit: CommitIncrement): void {
    this.#current().addCommit(tenantId, commit);
    this.#added();
  }

  addMeter(tenantId: string, usageDate: UsageDate, meter: string, amount: number): void {
    this.#current().addMeter(tenantId, usageDate, meter, amount);
    this.#added();
  }

  addLevel(tenantId: string, point: LevelIncrement): void {
    this.#current().addLevel(tenantId, point);
    this.#added();
  }

  addKeyed(tenantId: string, use: KeyedIncrement): void {
    this.#current().addKeyed(tenantId, use);
    this.#added();
  }

  #current(): UsageIncrements {
    return this.#parts.journal === undefined ? this.#open : this.#turn;
  }

  #added(): void {
    if (this.#parts.journal === undefined) {
      if (this.#open.rows >= MAX_SEGMENT_ROWS) this.seal();
      return;
    }
    // A turn may be a loop over a million users: its records too are bounded.
    if (this.#turn.rows >= MAX_SEGMENT_ROWS) this.endTurn();
    if (this.#turnEndsLater) return;
    this.#turnEndsLater = true;
    this.#atEndOfTurn(() => {
      this.#turnEndsLater = false;
      this.endTurn();
    });
  }

  /** Makes what the turn has booked so far a record. */
  endTurn(): void {
    if (this.#turn.rows === 0) return;
    const increments = this.#turn;
    const journal = this.#parts.journal?.();
    const record = { from: this.#lastRecord, to: this.#lastRecord + 1, increments };
    this.#lastRecord = record.to;
    // One that the disk refuses is a hole there and not here: this process brings it to the ledger all the same.
    if (journal?.append(record) === true) this.#noteUsers(increments);
    if (this.#open.rows === 0) {
      this.#open = increments;
    } else {
      this.#open.addAll(increments);
    }
    this.#turn = new UsageIncrements(this.#parts.onSaturated);
    if ((journal?.openBytes ?? 0) >= MAX_SEGMENT_BYTES || this.#open.rows >= MAX_SEGMENT_ROWS) this.seal();
  }

  /** From now on they need no booking on those days. */
  #noteUsers(increments: UsageIncrements): void {
    for (const [tenantId, { days }] of increments.tenants) {
      for (const [usageDate, { users }] of days) {
        for (const userId of users ?? []) this.seenUsers.add(tenantId, usageDate, userId);
      }
    }
  }

  /** Makes what is open a segment: what comes from now on is not in it. */
  seal(): void {
    this.endTurn();
    if (this.#open.rows === 0) return;
    const journal = this.#parts.journal?.();
    if (this.#parts.journal === undefined) this.#lastRecord += 1;
    this.#push({
      ...{ from: this.#openFrom, to: this.#lastRecord, increments: this.#open, bytes: journal?.openBytes ?? 0 },
      ...{ isMerged: false, isAttempted: false, isInDoubt: false, rows: undefined },
    });
    journal?.seal();
    this.#open = new UsageIncrements(this.#parts.onSaturated);
    this.#openFrom = this.#lastRecord;
  }

  /** Everything up to `record` is in the ledger, or given up. Of a segment across it `rest` is what is left. */
  dropUpTo(record: number, rest: readonly UsageSegment[] = []): void {
    if (record > this.#openFrom) this.seal();
    this.replace(
      this.#sealed.filter((segment) => segment.from < record),
      rest,
    );
  }

  /** Puts segments in the place of others that follow each other; of none: before all. */
  replace(old: readonly UsageSegment[], segments: readonly UsageSegment[]): void {
    const [first] = old;
    const at = first === undefined ? 0 : this.#sealed.indexOf(first);
    const kept = this.#sealed.filter((segment) => !old.includes(segment));
    this.#sealed = [...kept.slice(0, at), ...segments, ...kept.slice(at)];
    this.#sealedRows = this.#sealed.reduce((sum, segment) => sum + segment.increments.rows, 0);
  }

  #push(segment: UsageSegment): void {
    this.#sealed.push(segment);
    this.#sealedRows += segment.increments.rows;
  }
}
