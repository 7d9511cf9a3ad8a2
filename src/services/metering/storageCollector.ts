// When storage is collected: once a period by the ledger's clock, by whichever process of the fleet is first to claim the run.
//
// States: waiting (a timer for the next look), looking (reads how the collection stands, claims what is due), running (its claim is
// renewed until the run has ended, failed, or was broken off), ended (nothing starts any more). A run that fails is tried again with
// growing pauses, by anybody; nothing that goes wrong here reaches the app.
import { hasCode, TallygateError } from '../../core/errors.js';
import { isWithinReach } from '../../core/usage/reach.js';
import type { Clock } from '../../ports/clock.js';
import type { Observer } from '../../ports/observer.js';
import type { ClaimedRun, CollectionState } from '../../ports/storageCollections.js';
import { type CollectionFigures, type CollectionRunParts, runCollection } from './collectionRun.js';

/** How long a claim holds without being renewed, which happens three times in it: so late is a process that died replaced. */
const HOLD_MS = 60_000;
/** Between two looks. The longest is how late a process that died is noticed, on top of its claim. */
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
/** After the first failure, doubled with each that follows, up to the period. */
const FIRST_RETRY_MS = 60_000;

/** What it needs. */
export interface StorageCollectorParts extends Omit<CollectionRunParts, 'onSaturated'> {
  /** From one run to the next, and the longest time of one, in milliseconds. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'storageCollected' | 'saturated'>;
  readonly onCollected: (figures: CollectionFigures) => void;
  /** Told of each run that failed, with the pause before the next try, and of a ledger that could not be asked. */
  readonly onFailure: (error: unknown, retryMs: number) => void;
  /** @defaultValue a minute */
  readonly holdMs?: number;
}

/** See the head of this file. */
export class StorageCollector {
  readonly #parts: StorageCollectorParts;
  readonly #holdMs: number;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> | undefined;
  #run: AbortController | undefined;
  #ended = false;

  constructor(parts: StorageCollectorParts) {
    this.#parts = parts;
    this.#holdMs = parts.holdMs ?? HOLD_MS;
  }

  /** Looks at once, and then whenever something may be due. Holds no process open. */
  start(): void {
    this.#lookIn(0);
  }

  /** Breaks off the run that is under way and gives it to the others. Nothing is booked any more once it resolves. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#run?.abort(new TallygateError('closed', 'This Tallygate was closed.'));
    await this.#work;
  }

  #lookIn(pauseMs: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      this.#work = this.#look();
    }, pauseMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    let pauseMs = LONGEST_PAUSE_MS;
    try {
      pauseMs = await this.#runIfDue();
    } catch (error) {
      this.#parts.onFailure(error, LONGEST_PAUSE_MS);
    }
    this.#lookIn(Math.min(Math.max(SHORTEST_PAUSE_MS, pauseMs), LONGEST_PAUSE_MS));
  }

  /** Resolves to the time until something may be due. */
  async #runIfDue(): Promise<number> {
    const { collections, everyMs } = this.#parts;
    const state = await collections.state();
    const waitMs = dueInMs(state, everyMs);
    if (waitMs > 0 || this.#ended) return waitMs;
    const retryMs = Math.min(everyMs, FIRST_RETRY_MS * 2 ** Math.min(state.failures, 20));
    const run = await collections.claim({ after: state.runNumber, everyMs, holdMs: this.#holdMs, retryMs });
    // Where somebody was faster the next look says how long that one holds it.
    if (run === undefined) return 0;
    const followsFinished = state.runNumber === (state.last?.runNumber ?? 0);
    await this.#collect(run, followsFinished, retryMs);
    return 0;
  }

  async #collect(run: ClaimedRun, followsFinished: boolean, retryMs: number): Promise<void> {
    const { clock, observer, onCollected } = this.#parts;
    const startedAt = clock.monotonicMs();
    const seconds = () => (clock.monotonicMs() - startedAt) / 1000;
    const nowMs = clock.wallMs();
    const atMs = isWithinReach(run.claimedAtMs, nowMs) ? run.claimedAtMs : nowMs;
    try {
      const figures = await this.#underClaim({ ...run, atMs, followsFinished });
      const leftOut = figures.withoutTenant + figures.withoutAmount;
      observer.storageCollected({ outcome: 'collected', seconds: seconds(), tenants: figures.tenants, leftOut });
      onCollected(figures);
    } catch (error) {
      const outcome = this.#ended ? 'broken_off' : 'failed';
      observer.storageCollected({ outcome, seconds: seconds(), tenants: 0, leftOut: 0 });
      await this.#giveUp(run, error, retryMs);
    }
  }

  /** The run with its deadline, its claim renewed as long as it lasts. */
  async #underClaim(run: Parameters<typeof runCollection>[0]): Promise<CollectionFigures> {
    const { collections, everyMs, observer } = this.#parts;
    const abort = new AbortController();
    this.#run = abort;
    const late = `The collection took longer than the ${everyMs / 60_000} minutes from one to the next.`;
    const deadline = setTimeout(() => abort.abort(new TallygateError('closed', late)), everyMs);
    deadline.unref();
    const renewal = setInterval(() => {
      // Whether the claim is lost is noticed by the run's own next step; a ledger that is away as well.
      collections.renew(run.runNumber, this.#holdMs).catch(() => undefined);
    }, this.#holdMs / 3);
    renewal.unref();
    try {
      if (this.#ended) throw new TallygateError('closed', 'This Tallygate was closed.');
      const onSaturated = (what: string) => observer.saturated(what);
      return await runCollection(run, { ...this.#parts, onSaturated }, abort.signal);
    } finally {
      clearTimeout(deadline);
      clearInterval(renewal);
      this.#run = undefined;
    }
  }

  /** Where the ledger cannot be told either, the claim ends by itself, and the failure was counted when it was made. */
  async #giveUp({ runNumber }: ClaimedRun, error: unknown, retryMs: number): Promise<void> {
    const { collections, onFailure } = this.#parts;
    try {
      if (this.#ended) await collections.release(runNumber);
      else await collections.fail(runNumber, error instanceof Error ? error.message : String(error), retryMs);
    } catch (fault) {
      if (!hasCode(fault, 'ledger_unavailable', 'ledger_refused', 'migrations_pending', 'closed')) throw fault;
    }
    if (!this.#ended) onFailure(error, retryMs);
  }
}

/** From now until a run may be due: 0 or less where it is. */
function dueInMs({ nowMs, last, claimedUntilMs = 0, retryAtMs = 0 }: CollectionState, everyMs: number): number {
  const nextMs = last === undefined ? 0 : last.collectedAtMs + everyMs;
  return Math.max(nextMs, claimedUntilMs, retryAtMs) - nowMs;
}
