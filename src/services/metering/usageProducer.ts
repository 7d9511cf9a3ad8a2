// This process as a source of usage: an id in the ledger, the last record that the ledger is known to have of it, and the journal
// that is written under it. With a journal the id is taken by the first turn that has one to write, by the process's clock where the
// ledger has not told one yet; without, by the first batch.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { Clock } from '../../ports/clock.js';
import type { OwnJournal, UsageJournal } from '../../ports/usageJournal.js';
import type { AllBooked, UsageLedger } from '../../ports/usageLedger.js';
import { uuidv7 } from './uuidv7.js';

// Half of the age beyond which the ledger refuses an id that it does not know: a new one is taken before.
const RENEW_AFTER_MS = 12 * 3_600_000;
const RENEW_JOURNAL_AFTER_MS = 35 * 12 * 3_600_000;
/** How long a folder that could not be begun is left alone. */
const REFUSED_FOR_MS = 5_000;

/** What it needs. */
export interface UsageProducerParts {
  readonly ledger: Pick<UsageLedger, 'newProducerId' | 'registerProducer' | 'touchProducer'>;
  readonly clock: Clock;
  readonly holder: { readonly host: string; readonly pid: number };
  /** Left out: usage waits in memory only. */
  readonly journals?: UsageJournal | undefined;
}

/** See the head of this file. */
export class UsageProducer {
  readonly #parts: UsageProducerParts;
  #id: string | undefined;
  #spareId: string | undefined;
  #registered = false;
  #takenAtMs = 0;
  #ledgerId: string | undefined;
  #journal: OwnJournal | undefined;
  #refusedUntilMs = Number.NEGATIVE_INFINITY;
  /** The last record that the ledger is known to have of this id. */
  position = 0;
  /** Records up to this one belong to an id before: that the ledger does not have them under this one is no gap. */
  after = 0;

  constructor(parts: UsageProducerParts) {
    this.#parts = parts;
  }

  /** The present id; undefined before the first batch and after `renew`. */
  get id(): string | undefined {
    return this.#id;
  }

  /** The journal as it is, without beginning one. */
  get journal(): OwnJournal | undefined {
    return this.#journal;
  }

  /** The journal to write to, begun where it can be. A method as a value: it is the buffer's. */
  readonly writableJournal = (): OwnJournal | undefined => {
    const { journals, clock } = this.#parts;
    if (this.#journal !== undefined || journals === undefined) return this.#journal;
    const now = clock.monotonicMs();
    if (now < this.#refusedUntilMs) return undefined;
    this.#ledgerId ??= journals.lastLedgerId();
    if (this.#ledgerId !== undefined) {
      const producerId = this.#id ?? this.#take(this.#spareId ?? uuidv7(clock.wallMs()));
      this.#journal = journals.begin({ producerId, ledgerId: this.#ledgerId, after: this.after });
    }
    if (this.#journal === undefined) this.#refusedUntilMs = now + REFUSED_FOR_MS;
    return this.#journal;
  };

  /**
   * Says which ledger answers. A journal that was begun for another one belongs to that: the id is given up with it.
   * @throws TallygateError `ledger_mismatch` where something of the present id was sent already
   */
  async identify(ledgerId: string): Promise<void> {
    if (this.#ledgerId !== ledgerId) {
      if (this.#ledgerId !== undefined && this.#journal !== undefined) await this.#leaveOtherLedger(ledgerId);
      this.#ledgerId = ledgerId;
      this.#refusedUntilMs = Number.NEGATIVE_INFINITY;
      await this.#parts.journals?.rememberLedgerId(ledgerId);
    }
    // For a journal that is begun later, in the middle of a turn.
    if (this.#parts.journals !== undefined && this.#id === undefined) {
      this.#spareId ??= await this.#parts.ledger.newProducerId();
    }
  }

  async #leaveOtherLedger(ledgerId: string): Promise<void> {
    if (this.#registered) {
      const message = `The database holds the ledger ${ledgerId}, and usage was sent to ${this.#ledgerId} before: it waits for that one.`;
      throw new TallygateError('ledger_mismatch', message);
    }
    await this.#journal?.close();
    this.#journal = undefined;
    this.#id = undefined;
  }

  /** An id that the ledger knows; undefined where it refuses the present one as too old. */
  async ensure(): Promise<string | undefined> {
    this.#id ??= this.#take(this.#spareId ?? (await this.#parts.ledger.newProducerId()));
    return this.#registered || (await this.register()) ? this.#id : undefined;
  }

  /** Says again to the ledger who this is: false where the id is too old for it. */
  async register(): Promise<boolean> {
    if (this.#id === undefined) return false;
    const holder = { ...this.#parts.holder, hasJournal: this.#parts.journals !== undefined };
    this.#registered = (await this.#parts.ledger.registerProducer(this.#id, holder)) === 'registered';
    return this.#registered;
  }

  #take(id: string): string {
    this.#id = id;
    this.#spareId = undefined;
    this.#registered = false;
    this.#takenAtMs = this.#parts.clock.monotonicMs();
    this.position = 0;
    return id;
  }

  /**
   * Takes a new id for everything beyond `after`, because the ledger takes nothing under the present one any more. A journal that the
   * disk cannot move stays behind: under its id nobody can apply it.
   */
  async renew(after: number): Promise<void> {
    const id = await this.#parts.ledger.newProducerId();
    if (this.#journal !== undefined && !(await this.#journal.moveTo(id, after, true))) {
      await this.#journal.close();
      this.#journal = undefined;
    }
    this.#take(id);
    this.after = after;
  }

  /** Whether the id is getting old: the ledger refuses one that it does not know at twice this age. */
  isOld(): boolean {
    const most = this.#parts.journals === undefined ? RENEW_AFTER_MS : RENEW_JOURNAL_AFTER_MS;
    return this.#id !== undefined && this.#parts.clock.monotonicMs() - this.#takenAtMs > most;
  }

  /**
   * Takes a new id for everything beyond `after`, nothing of which was ever sent, and closes the present one, which would look like a
   * second live process for ten minutes.
   */
  async replaceOld(after: number): Promise<void> {
    try {
      const old = this.#registered ? this.#id : undefined;
      const id = await this.#parts.ledger.newProducerId();
      if (this.#journal !== undefined && !(await this.#journal.moveTo(id, after, false))) return;
      this.#take(id);
      this.after = after;
      if (old !== undefined) await this.#parts.ledger.touchProducer(old, true);
    } catch (error) {
      // Later, or only a courtesy: whoever looks for live producers sees one too many for a while.
      if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'migrations_pending')) throw error;
    }
  }

  /**
   * Tells the ledger that this process lives, or that it ends. Resolves to the last record that the ledger has of it: `position`, unless
   * the ledger went back in time; undefined where it has forgotten the producer.
   */
  async touch(closed: boolean, allBooked?: AllBooked): Promise<number | undefined> {
    if (this.#id === undefined || !this.#registered) return this.position;
    return this.#parts.ledger.touchProducer(this.#id, closed, allBooked);
  }
}
