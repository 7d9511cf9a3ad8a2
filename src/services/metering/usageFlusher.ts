// When usage goes to the ledger: at the interval, when enough rows wait, when somebody reads, at the end, and once an end is near
// that somebody else makes (`hurry`) as soon as it is booked. One batch at a time; while the ledger is away the same batch is sent
// again with growing pauses, and later usage waits in the open sums.
//
// States: idle (no drain runs), draining (one runs, perhaps to `tell`, and at most one more is asked for), merging (what waits is made smaller, and a
// drain waits for it), closed (nothing starts any more).
import { setTimeout as pause } from 'node:timers/promises';
import { hasCode } from '../../core/errors.js';
import type { Clock } from '../../ports/clock.js';
import type { Observer } from '../../ports/observer.js';
import type { AllBooked, UsageLedger } from '../../ports/usageLedger.js';
import { momentAgo } from './agoMs.js';
import { isMergeDue, type MergeLimits, mergeBacklog } from './backlogMerge.js';
import { SegmentSender } from './segmentSender.js';
import type { UsageBuffer } from './usageBuffer.js';
import type { UsageProducer } from './usageProducer.js';

/** Shortest time between two flushes that nobody asked for: at most four a second. */
export const MIN_FLUSH_PAUSE_MS = 250;
/** Pauses after failures: doubled each time from the first to the longest, which a refused batch waits at once. */
const FIRST_RETRY_PAUSE_MS = 250;
const LONGEST_RETRY_PAUSE_MS = 10_000;
/** How often an idle process says that it lives. The ledger takes one not seen for 10 minutes as dead. */
const TOUCH_INTERVAL_MS = 180_000;

/** What it needs. */
export interface UsageFlusherParts {
  readonly ledger: Pick<UsageLedger, 'identity' | 'apply' | 'recordGap'>;
  readonly buffer: UsageBuffer;
  readonly producer: UsageProducer;
  /** `USAGE_METER_BATCH_SIZE`: rows that make a flush due. A trigger, not a maximum. */
  readonly batchSize: number;
  /** `USAGE_METER_FLUSH_INTERVAL_MS`; below 250 acts as 250. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
  /** When what waits is merged. @defaultValue half a megabyte, portions of 5,000 rows. A seam of the explorer of interleavings. */
  readonly mergeLimits?: MergeLimits;
  /** Told when the ledger took a batch. */
  readonly onApplied: () => void;
  /** Told how many rows the ledger put aside. */
  readonly onQuarantined?: (rows: number) => void;
  /** Told of each failure as it happens, with the rows that wait; they stay and are sent again. */
  readonly onFailure: (error: unknown, rows: number) => void;
}

/** See the head of this file. */
export class UsageFlusher {
  readonly #parts: UsageFlusherParts;
  readonly #sender: SegmentSender;
  #merging: Promise<void> | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #draining: Promise<void> | undefined;
  #askedNext: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerDueAtMs = Number.POSITIVE_INFINITY;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #retryPauseMs = 0;
  #touchTimer: NodeJS.Timeout | undefined;
  #tells = false;
  #closed = false;
  #hurried = false;

  constructor(parts: UsageFlusherParts) {
    this.#parts = parts;
    this.#sender = new SegmentSender(parts);
  }

  /** Rows that are not known to be in the ledger. */
  get backlogRows(): number {
    return this.#parts.buffer.rows;
  }

  /** Whether usage of the tenant waits that the ledger does not have yet. */
  holds(tenantId: string): boolean {
    return this.#parts.buffer.has(tenantId);
  }

  /** Called after each booking. Cheap: a comparison, and a timer where none runs. */
  booked(): void {
    this.#syncLater();
    if (this.#retryPauseMs > 0) this.#mergeIfDue();
    if (this.#closed || this.#draining !== undefined || this.#retryPauseMs > 0) return;
    const full = this.#hurried || this.#parts.buffer.rows >= this.#parts.batchSize;
    if (!full && this.#timer !== undefined) return;
    const now = this.#parts.clock.monotonicMs();
    const earliest = this.#hurried ? now : this.#lastStartMs + MIN_FLUSH_PAUSE_MS;
    this.#schedule(Math.max(earliest, full ? now : now + Math.max(MIN_FLUSH_PAUSE_MS, this.#parts.intervalMs)), now);
  }

  /**
   * Brings everything that was booked before this call to the ledger, starting as soon as no flush runs.
   * @throws TallygateError as `SealedBatch.send`; what is not flushed stays and is sent again by itself
   */
  flush(): Promise<void> {
    if (this.#draining === undefined) return this.#startDrain();
    // What the running one has sealed may miss the caller's usage. All who ask meanwhile share the one that follows.
    this.#askedNext ??= this.#draining.then(ignore, ignore).then(() => {
      this.#askedNext = undefined;
      return this.#startDrain();
    });
    return this.#askedNext;
  }

  /**
   * `flush`, then says to the ledger that this process lives and has brought all that it had, and learns whether that is still there:
   * what a restore took from the ledger is sent again, or told as a gap. Rejects as `flush`; nothing repeats it.
   */
  tell(): Promise<void> {
    // Within a drain: no batch moves the ledger between what is said to it and what it answers.
    this.#tells = true;
    return this.flush();
  }

  /** From now on each booking is sent at once: the process is about to end, and nobody will say when. */
  hurry(): void {
    this.#hurried = true;
    if (this.backlogRows > 0) this.booked();
  }

  /** `flush`, waiting at most `mostMs`: true where everything booked before is in the ledger. */
  async flushWithin(mostMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), mostMs);
    });
    const [yes, no] = [() => true, () => false];
    const done = this.flush().then(yes, no);
    try {
      return await Promise.race([done, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Flushes until nothing waits or `deadlineMs` is over, and ends. Resolves to the rows that could not be flushed. */
  async close(deadlineMs: number): Promise<number> {
    const endsAt = this.#parts.clock.monotonicMs() + deadlineMs;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#syncTimer);
    clearInterval(this.#touchTimer);
    while (this.backlogRows > 0) {
      const left = endsAt - this.#parts.clock.monotonicMs();
      if (left <= 0) break;
      if (!(await this.flushWithin(left))) await pause(Math.min(FIRST_RETRY_PAUSE_MS, Math.max(0, left)));
    }
    // Only a courtesy to those who look for live producers: an unreachable ledger must not hold up the end. And a pause that loses
    // must not hold the process for its rest: a command would end five seconds after its answer. Not while something waits: of one that
    // has closed nobody expects any more, so reports would be complete without it, and nobody would be told where it is.
    if (this.backlogRows === 0) {
      await Promise.race([
        this.#parts.producer.touch(true).catch(ignore),
        pause(Math.max(250, endsAt - this.#parts.clock.monotonicMs()), undefined, { ref: false }),
      ]);
    }
    // What could not be flushed waits on disk for whoever starts next.
    this.#parts.buffer.seal();
    await this.#parts.producer.journal?.close();
    return this.backlogRows;
  }

  #startDrain(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDueAtMs = Number.POSITIVE_INFINITY;
    this.#lastStartMs = this.#parts.clock.monotonicMs();
    this.#draining = this.#drain().then(
      () => this.#ended(undefined),
      (error) => this.#ended({ error }),
    );
    return this.#draining;
  }

  #ended(failure: { readonly error: unknown } | undefined): void {
    this.#draining = undefined;
    this.#parts.observer.backlog(this.backlogRows);
    if (failure === undefined) {
      this.#retryPauseMs = 0;
      if (this.backlogRows > 0) this.booked();
      return;
    }
    this.#retryLater(failure.error);
    this.#mergeIfDue();
    throw failure.error;
  }

  /** An error of any kind leaves the batch where it is: usage is kept, the fault is told, and the next attempt comes by itself. */
  #retryLater(error: unknown): void {
    const doubled = Math.min(Math.max(FIRST_RETRY_PAUSE_MS, 2 * this.#retryPauseMs), LONGEST_RETRY_PAUSE_MS);
    this.#retryPauseMs = hasCode(error, 'ledger_unavailable', 'migrations_pending') ? doubled : LONGEST_RETRY_PAUSE_MS;
    this.#parts.onFailure(error, this.backlogRows);
    const now = this.#parts.clock.monotonicMs();
    // Spread, so that a fleet does not return to a database that has just come back in one beat.
    if (!this.#closed) this.#schedule(now + this.#retryPauseMs * (0.75 + Math.random() / 4), now);
  }

  /** Power may fail while the ledger is away as well: what is on its way to the disk gets there once an interval. */
  #syncLater(): void {
    if (this.#syncTimer !== undefined || this.#parts.producer.journal === undefined) return;
    const sync = (): void => {
      this.#syncTimer = undefined;
      void this.#parts.producer.journal?.sync();
    };
    this.#syncTimer = setTimeout(sync, Math.max(MIN_FLUSH_PAUSE_MS, this.#parts.intervalMs));
    this.#syncTimer.unref();
  }

  /** Only while the ledger does not answer: otherwise what waits is gone with the next flush. */
  #mergeIfDue(): void {
    const { buffer, producer, mergeLimits } = this.#parts;
    if (this.#merging !== undefined || this.#draining !== undefined || !isMergeDue(buffer, mergeLimits)) return;
    this.#merging = mergeBacklog(buffer, producer.journal, mergeLimits).then(
      () => {
        this.#merging = undefined;
      },
      (error: unknown) => {
        this.#merging = undefined;
        this.#parts.onFailure(error, this.backlogRows);
      },
    );
  }

  /** Sends what waited when it began; what comes in meanwhile is for the next. */
  async #drain(): Promise<void> {
    const { buffer, ledger, producer } = this.#parts;
    await this.#merging;
    const tells = this.#tells;
    this.#tells = false;
    if (buffer.rows === 0 && !tells) return;
    const { hashKey, ledgerId } = await ledger.identity();
    await producer.identify(ledgerId);
    await this.#sendAll(hashKey);
    if (tells && (await this.#wentBack())) await this.#sendAll(hashKey);
  }

  async #sendAll(hashKey: Buffer): Promise<void> {
    const { buffer, producer, clock } = this.#parts;
    // Before sealing: what is booked from here on may not be in it.
    const agoMs = momentAgo(clock);
    buffer.seal();
    const end = buffer.lastRecord;
    const [oldest] = buffer.sealed;
    if (producer.isOld() && oldest?.isAttempted === false) await producer.replaceOld(oldest.from);
    for (let [next] = buffer.sealed; next !== undefined && next.from < end; [next] = buffer.sealed) {
      await this.#send(next.increments.rows, hashKey, { record: end, agoMs });
    }
  }

  /** Says that this process lives. Resolves to whether the ledger turned out to have gone back in time. */
  async #wentBack(): Promise<boolean> {
    const { buffer, producer, clock, observer } = this.#parts;
    const allBooked = { record: producer.position, agoMs: momentAgo(clock) };
    const lastRecord = await producer.touch(false, buffer.rows === 0 ? allBooked : undefined);
    if (lastRecord !== undefined && lastRecord >= producer.position) return false;
    const lost = await this.#sender.wentBackTo(lastRecord);
    if (lost > 0) observer.usageLost(lost);
    return true;
  }

  async #send(rows: number, hashKey: Buffer, allBooked: AllBooked): Promise<void> {
    const { clock, observer, onApplied } = this.#parts;
    const startedAt = clock.monotonicMs();
    const seconds = () => (clock.monotonicMs() - startedAt) / 1000;
    try {
      const lost = await this.#sender.send(hashKey, allBooked);
      onApplied();
      observer.flushed('applied', rows, seconds());
      if (lost > 0) observer.usageLost(lost);
    } catch (error) {
      observer.flushed(hasCode(error, 'ledger_refused') ? 'refused' : 'unavailable', rows, seconds());
      throw error;
    }
    this.#keepTouching();
  }

  /** From the first batch on the ledger knows this producer, and must hear of it also while nothing is used. */
  #keepTouching(): void {
    if (this.#touchTimer !== undefined || this.#closed) return;
    this.#touchTimer = setInterval(() => void this.tell().catch(ignore), TOUCH_INTERVAL_MS);
    this.#touchTimer.unref();
  }

  #schedule(dueAtMs: number, nowMs: number): void {
    if (this.#timer !== undefined && this.#timerDueAtMs <= dueAtMs) return;
    clearTimeout(this.#timer);
    this.#timerDueAtMs = dueAtMs;
    const start = (): void => {
      this.#timer = undefined;
      this.#timerDueAtMs = Number.POSITIVE_INFINITY;
      // A drain that somebody asked for meanwhile does the work; its failure was told to `onFailure`.
      if (this.#draining === undefined) this.#startDrain().catch(ignore);
    };
    this.#timer = setTimeout(start, Math.max(0, dueAtMs - nowMs));
    this.#timer.unref();
  }
}

const ignore = (): void => {};
