// Brings the oldest segment to the ledger, exactly once. It is resent with the same end until the ledger says where it stands; what
// the ledger says decides; nothing is guessed from errors.
//
//   segment --applied-------------------> gone, it is in the ledger
//           --error---------------------> in doubt: sent again, the same
//           --elsewhere, further--------> somebody applied it, perhaps this process: gone up to there, the rest is read from the journal
//           --elsewhere, further, without a journal and not in doubt: somebody else writes under our id, see below
//           --elsewhere, back-----------> the ledger went back (restore, failover): what it lost is read from the journal and comes first
//           --unregistered--------------> register and send again
//   refused as too old, or not ours-----> in doubt: a gap; then everything goes on under a new id
//
// What neither memory nor journal has between the ledger's record and a segment is told as a gap, before the segment is sent.
import { hasCode, TallygateError } from '../../core/errors.js';
import { UsageIncrements } from '../../core/usage/increments.js';
import type { JournalRecord } from '../../ports/usageJournal.js';
import type { AllBooked, ApplyOutcome, UsageGap, UsageLedger } from '../../ports/usageLedger.js';
import { rowsOf } from './incrementRows.js';
import { MAX_SEGMENT_ROWS, type UsageBuffer, type UsageSegment } from './usageBuffer.js';
import type { UsageProducer } from './usageProducer.js';

/** Most answers of the ledger that one call follows: each leads to at most one more question. */
const MAX_STEPS = 8;

/** What it needs. */
export interface SegmentSenderParts {
  readonly ledger: Pick<UsageLedger, 'apply' | 'recordGap'>;
  readonly buffer: UsageBuffer;
  readonly producer: UsageProducer;
  /** Told how many rows the ledger put aside. */
  readonly onQuarantined?: (rows: number) => void;
}

/** See the head of this file. */
export class SegmentSender {
  readonly #parts: SegmentSenderParts;
  /** Gaps of the present id up to this record are told. */
  #toldUpTo = 0;

  constructor(parts: SegmentSenderParts) {
    this.#parts = parts;
  }

  /**
   * Brings the oldest sealed segment to the ledger, or finds that it is there. Resolves to the records that are lost: 0, unless
   * the ledger went back further than is kept, or refused to tell.
   * @param allBooked said with the segment that brings the ledger to that record
   * @throws TallygateError `ledger_unavailable` (send again), `ledger_refused` (sending again will not help), `migrations_pending`
   */
  async send(hashKey: Buffer, allBooked?: AllBooked): Promise<number> {
    const { buffer, producer } = this.#parts;
    let lost = 0;
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const [segment] = buffer.sealed;
      if (segment === undefined) return lost;
      const producerId = await producer.ensure();
      if (producerId === undefined) {
        lost += await this.#moveOn(segment, 'outcome unknown under an id that the ledger has forgotten');
        continue;
      }
      lost += await this.#tellHole(producerId, segment.from);
      const outcome = await this.#attempt(producerId, segment, { hashKey, allBooked });
      if (outcome.outcome === 'applied') {
        this.#landed(segment);
        if (outcome.quarantined !== undefined) this.#quarantined(outcome.quarantined);
        return lost + (await this.#tellTail(producerId));
      }
      if (outcome.outcome === 'unregistered') await producer.register();
      else if (outcome.lastRecord < producer.position) await this.#wentBack(outcome.lastRecord);
      else if (this.#isExpected(outcome.lastRecord, segment)) {
        await this.#wentForward(outcome.lastRecord);
        lost += await this.#tellTail(producerId);
        if (buffer.sealed[0] !== segment) return lost;
      } else lost += await this.#moveOn(segment, 'outcome unknown: somebody else writes under this id');
    }
    const message = `A batch found no place in the ledger in ${MAX_STEPS} steps: it is sent again later.`;
    throw new TallygateError('ledger_unavailable', message);
  }

  /**
   * The ledger has less than was known, as it said when nothing was sent: what is kept is read again and waits to be sent. Resolves to
   * the records that are lost. Not while a segment is being sent. Throws as `send`.
   * @param lastRecord undefined: it does not know this producer any more
   */
  async wentBackTo(lastRecord: number | undefined): Promise<number> {
    const { buffer, producer } = this.#parts;
    const next = () => buffer.sealed[0]?.from ?? buffer.openFrom;
    const { id } = producer;
    if (id === undefined) return 0;
    const stands = lastRecord ?? ((await producer.register()) ? 0 : undefined);
    if (stands === undefined) {
      // Too old to be registered again, and so is all that was applied under it.
      const reason = 'the ledger went back to before an id that it does not take any more';
      const lost = await this.#tellGap({ producerId: id, from: 0, to: producer.position, reason });
      await producer.renew(next());
      this.#toldUpTo = 0;
      return lost;
    }
    if (stands < producer.position) await this.#wentBack(stands);
    return this.#tellHole(id, next());
  }

  async #attempt(
    producerId: string,
    segment: UsageSegment,
    { hashKey, allBooked }: { readonly hashKey: Buffer; readonly allBooked: AllBooked | undefined },
  ): Promise<ApplyOutcome> {
    const { ledger, producer } = this.#parts;
    // Before the first statement: a merge must not cover this record from now on.
    segment.isAttempted = true;
    await producer.journal?.mark(segment.to);
    segment.rows ??= rowsOf(segment.increments, hashKey);
    try {
      const range = { producerId, from: producer.position, to: segment.to };
      // Merging and reading again keep the ends of segments, so one of them ends there. The rows after it are of later.
      const allBookedAgoMs = allBooked?.record === segment.to ? allBooked.agoMs : undefined;
      return await ledger.apply({ ...segment.rows, ...range, allBookedAgoMs });
    } catch (error) {
      // A refusal is an answer: nothing was written. Everything else may have been.
      if (!hasCode(error, 'ledger_refused', 'migrations_pending')) segment.isInDoubt = true;
      throw error;
    }
  }

  #quarantined(rows: number): void {
    this.#parts.buffer.seenUsers.clear();
    this.#parts.onQuarantined?.(rows);
  }

  #landed(segment: UsageSegment): void {
    const { buffer, producer } = this.#parts;
    producer.position = segment.to;
    buffer.replace([segment], []);
    void producer.journal?.applied(segment.to);
  }

  /** Whether it can be that our own records were applied up to there. */
  #isExpected(lastRecord: number, segment: UsageSegment): boolean {
    const { buffer, producer } = this.#parts;
    if (producer.journal === undefined) return segment.isInDoubt && lastRecord === segment.to;
    return lastRecord <= buffer.lastRecord;
  }

  /** The ledger has more than was known. Where it stands within a segment, what is left of that one is read from the journal. */
  async #wentForward(lastRecord: number): Promise<void> {
    const { buffer, producer } = this.#parts;
    if (lastRecord > buffer.openFrom) buffer.seal();
    const across = buffer.sealed.find((segment) => segment.from < lastRecord && lastRecord < segment.to);
    const rest = across === undefined ? [] : await this.#reread(lastRecord, across.to, across.isInDoubt);
    buffer.dropUpTo(lastRecord, rest);
    producer.position = lastRecord;
    void producer.journal?.applied(lastRecord);
  }

  /** The ledger has less than was known. Records that are not read again stay missing, which is told when the next is sent. */
  async #wentBack(lastRecord: number): Promise<void> {
    const { buffer, producer } = this.#parts;
    const segments = await this.#reread(lastRecord, producer.position, false);
    buffer.replace([], segments);
    producer.position = lastRecord;
    this.#toldUpTo = Math.min(this.#toldUpTo, lastRecord);
  }

  /** Records of the journal as segments that end where attempts may have ended: never merged. */
  async #reread(after: number, upTo: number, isInDoubt: boolean): Promise<UsageSegment[]> {
    const { producer } = this.#parts;
    const from = Math.max(after, producer.after);
    const records = (await producer.journal?.read(from, upTo, Number.POSITIVE_INFINITY)) ?? [];
    return addedUp(records).map((record) => ({
      ...record,
      ...{ bytes: 0, isMerged: false, isAttempted: true, isInDoubt, rows: undefined },
    }));
  }

  #tellHole(producerId: string, to: number): Promise<number> {
    const { position } = this.#parts.producer;
    const reason = 'the ledger went back in time, or the journal was damaged';
    return this.#tellGap({ producerId, from: Math.max(position, this.#toldUpTo), to, reason });
  }

  /** Where nothing waits, what lies between the ledger and the last record sealed is nowhere: no later segment has to come to say so. */
  async #tellTail(producerId: string): Promise<number> {
    const { buffer } = this.#parts;
    return buffer.sealed.length === 0 ? this.#tellHole(producerId, buffer.openFrom) : 0;
  }

  async #tellGap(gap: UsageGap): Promise<number> {
    const { ledger, buffer, producer } = this.#parts;
    const from = Math.max(gap.from, producer.after);
    if (gap.to <= from) return 0;
    await ledger.recordGap({ ...gap, from });
    this.#toldUpTo = gap.to;
    // Users among what is missing are booked again when they come again.
    buffer.seenUsers.clear();
    return gap.to - from;
  }

  /** Goes on under a new id. What is in doubt under the present one cannot be told apart from what landed, so it is a gap. */
  async #moveOn(segment: UsageSegment, reason: string): Promise<number> {
    const { ledger, buffer, producer } = this.#parts;
    let lost = 0;
    if (segment.isInDoubt && producer.id !== undefined) {
      const from = Math.max(producer.position, producer.after);
      await ledger.recordGap({ producerId: producer.id, from, to: segment.to, reason });
      lost = segment.to - from;
      buffer.replace([segment], []);
      // Known from here on, also where what follows fails: it is told once.
      producer.position = segment.to;
    }
    buffer.seenUsers.clear();
    await producer.renew(segment.isInDoubt ? segment.to : segment.from);
    this.#toldUpTo = 0;
    return lost;
  }
}

/** Records added up as far as they follow each other, to at most a segment's rows each. */
function addedUp(records: readonly JournalRecord[]): JournalRecord[] {
  const sums: { from: number; to: number; increments: UsageIncrements }[] = [];
  for (const { from, to, increments } of records) {
    const last = sums.at(-1);
    if (last !== undefined && last.to === from && last.increments.rows + increments.rows <= MAX_SEGMENT_ROWS) {
      last.increments.addAll(increments);
      last.to = to;
    } else {
      const sum = new UsageIncrements();
      sum.addAll(increments);
      sums.push({ from, to, increments: sum });
    }
  }
  return sums;
}
