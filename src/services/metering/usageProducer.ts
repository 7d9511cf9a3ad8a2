// This process as a source of usage: an id in the ledger and the number of its last record there. The id comes from the
// ledger with the first batch, so that a process whose database is down at start needs none until then.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { Clock } from '../../ports/clock.js';
import type { UsageLedger } from '../../ports/usageLedger.js';

/** Half of the age beyond which the ledger refuses an id of a process without a journal (24 h): a new one is taken before. */
const RENEW_AFTER_MS = 12 * 3_600_000;

/** See the head of this file. */
export class UsageProducer {
  readonly #ledger: UsageLedger;
  readonly #clock: Clock;
  readonly #holder: { readonly host: string; readonly pid: number };
  #id: string | undefined;
  #registered = false;
  #takenAtMs = 0;
  /** The last record that the ledger is known to have of this id. */
  lastRecord = 0;

  constructor(ledger: UsageLedger, clock: Clock, holder: { host: string; pid: number }) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#holder = holder;
  }

  /** The present id; undefined before the first batch and after `renew`. */
  get id(): string | undefined {
    return this.#id;
  }

  /** An id that the ledger knows. */
  async ensure(): Promise<string> {
    if (this.#id === undefined) {
      this.#id = await this.#ledger.newProducerId();
      this.#registered = false;
      this.#takenAtMs = this.#clock.monotonicMs();
      this.lastRecord = 0;
    }
    if (!this.#registered && !(await this.register())) {
      throw new TallygateError(
        'ledger_unavailable',
        'The ledger refused a producer id that it has just made: its clock went ahead by a day.',
      );
    }
    return this.#id;
  }

  /** Says again to the ledger who this is: false where the id is too old for it. */
  async register(): Promise<boolean> {
    if (this.#id === undefined) return false;
    this.#registered = (await this.#ledger.registerProducer(this.#id, this.#holder)) === 'registered';
    if (!this.#registered) this.renew();
    return this.#registered;
  }

  /** Takes a new id with the next batch. Only while nothing is in doubt under the present one. */
  renew(): void {
    this.#id = undefined;
    this.#registered = false;
  }

  /**
   * Takes a new id where the present one is getting old, and closes that one: for ten minutes it would look like a second
   * live process. Only while nothing is in doubt.
   */
  async renewIfOld(): Promise<void> {
    if (this.#id === undefined || this.#clock.monotonicMs() - this.#takenAtMs <= RENEW_AFTER_MS) return;
    try {
      await this.touch(true);
    } catch (error) {
      // Only a courtesy: whoever looks for live producers sees one too many for a while.
      if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'migrations_pending')) throw error;
    }
    this.renew();
  }

  /** Tells the ledger that this process lives, or that it ends. */
  async touch(closed: boolean): Promise<void> {
    if (this.#id !== undefined && this.#registered) await this.#ledger.touchProducer(this.#id, closed);
  }
}
