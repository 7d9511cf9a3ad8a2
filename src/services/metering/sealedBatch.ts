// One batch on its way to the ledger, exactly once. It is resent unchanged until its outcome is known; the ledger's record
// number tells whether it landed. What the ledger says decides; nothing is guessed from errors.
//
//   sealed --apply--> applied            done
//          --error--> in doubt           send again, the same range
//          --elsewhere at `to`, in doubt done: an earlier attempt had landed
//          --elsewhere below `from`      the ledger went back (restore, failover): what it lost becomes a gap; go on from there
//          --elsewhere, otherwise        somebody else writes under our id: under a new one, or a gap where in doubt
//          --unregistered                register and send again; refused as too old: as before
import { hasCode, TallygateError } from '../../core/errors.js';
import type { ApplyOutcome, UsageLedger, UsageSums } from '../../ports/usageLedger.js';
import type { UsageProducer } from './usageProducer.js';

/** Most calls of the ledger for one attempt: each known outcome leads to at most one more. */
const MAX_STEPS = 5;

/** The records `from + 1 .. to` of one producer. */
interface RecordRange {
  readonly producerId: string;
  readonly from: number;
  readonly to: number;
}

/** See the head of this file. */
export class SealedBatch {
  readonly #ledger: UsageLedger;
  readonly #producer: UsageProducer;
  readonly #sums: UsageSums;
  /** The records before and after; undefined until first sent under the producer's present id. */
  #range: RecordRange | undefined;
  /** Whether an attempt of this range ended without an answer. */
  #inDoubt = false;

  constructor(ledger: UsageLedger, producer: UsageProducer, sums: UsageSums) {
    this.#ledger = ledger;
    this.#producer = producer;
    this.#sums = sums;
  }

  /** Rows in it. */
  get rows(): number {
    const { calls, charges, users, storage, commits } = this.#sums;
    return calls.length + charges.length + users.length + storage.length + commits.length;
  }

  /** Whether it holds quota charges of the tenant. */
  hasChargesOf(tenantId: string): boolean {
    const { charges, commits } = this.#sums;
    return [...charges, ...commits].some((row) => row.tenantId === tenantId);
  }

  /**
   * Brings it into the ledger. Resolves to the records that are lost: 0, unless the ledger went back or refused to tell.
   * @throws TallygateError `ledger_unavailable` (send again), `ledger_refused` (sending again will not help), `migrations_pending`
   */
  async send(): Promise<number> {
    let lost = 0;
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const range = await this.#currentRange();
      const outcome = await this.#apply(range);
      if (outcome.outcome === 'applied') return this.#landed(range, lost);
      if (outcome.outcome === 'elsewhere') {
        if (outcome.lastRecord === range.to && this.#inDoubt) return this.#landed(range, lost);
        if (outcome.lastRecord < range.from) {
          lost += await this.#giveUp(range.producerId, outcome.lastRecord, range.from, 'the ledger went back in time');
          this.#producer.lastRecord = outcome.lastRecord;
          this.#range = undefined;
          this.#inDoubt = false;
          continue;
        }
        this.#producer.renew();
      } else if (await this.#producer.register()) {
        continue;
      }
      // Under this id the outcome cannot be known any more.
      if (this.#inDoubt)
        return lost + (await this.#giveUp(range.producerId, range.from, range.to, 'outcome unknown under a lost id'));
      this.#range = undefined;
    }
    throw new TallygateError(
      'ledger_unavailable',
      `A batch found no place in the ledger in ${MAX_STEPS} steps: it is sent again later.`,
    );
  }

  async #currentRange(): Promise<RecordRange> {
    if (this.#range === undefined) {
      const producerId = await this.#producer.ensure();
      this.#range = { producerId, from: this.#producer.lastRecord, to: this.#producer.lastRecord + 1 };
    }
    return this.#range;
  }

  async #apply(range: RecordRange): Promise<ApplyOutcome> {
    try {
      return await this.#ledger.apply({ ...this.#sums, ...range });
    } catch (error) {
      // A refusal is an answer: nothing was written. Everything else may have been.
      if (!hasCode(error, 'ledger_refused', 'migrations_pending')) this.#inDoubt = true;
      throw error;
    }
  }

  #landed(range: RecordRange, lost: number): number {
    this.#producer.lastRecord = range.to;
    return lost;
  }

  async #giveUp(producerId: string, from: number, to: number, reason: string): Promise<number> {
    await this.#ledger.recordGap({ producerId, from, to, reason });
    return to - from;
  }
}
