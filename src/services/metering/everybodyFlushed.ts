// Waits until everything that was charged before is in the ledger, also of processes whose journals are on other machines: it asks all
// of them, and each says up to when it has brought everything. Nobody is waited for twice: one that did not answer in time is named.
import { setTimeout as pause } from 'node:timers/promises';
import type { LedgerUpkeep, OpenProducer } from '../../ports/ledgerUpkeep.js';

/** What it needs. */
export interface EverybodyFlushedParts {
  readonly upkeep: Pick<LedgerUpkeep, 'openProducers' | 'askToFlush'>;
  /** Longest wait for those that live. */
  readonly waitMs: number;
  readonly monotonicMs: () => number;
}

/** A request that was charged books that with its answer: within QUOTA_STORE_TIMEOUT_MS, in doubt as unconfirmed or by the outage policy. */
const ANSWER_MS = 300;
const LOOK_EVERY_MS = 100;
/** A process is known to the ledger from its first flush on; one that has not flushed yet does so within this time once it is asked. */
const NEWCOMER_MS = 1_000;

/** See the head of this file. */
export class EverybodyFlushed {
  readonly #parts: EverybodyFlushedParts;
  readonly #missing = new Map<string, OpenProducer>();
  #newcomersUntilMs: number | undefined;

  constructor(parts: EverybodyFlushedParts) {
    this.#parts = parts;
  }

  /** Those that live and did not say in time that they have brought what they had. */
  get missing(): readonly OpenProducer[] {
    return [...this.#missing.values()];
  }

  /** @param readable producers whose journals are read here: what they have not brought is known all the same */
  async wait(readable: ReadonlySet<string>): Promise<void> {
    const { upkeep, waitMs, monotonicMs } = this.#parts;
    await pause(ANSWER_MS);
    const living = async () =>
      (await upkeep.openProducers()).filter(
        ({ isLive, producerId }) => isLive && !readable.has(producerId) && !this.#missing.has(producerId),
      );
    const askedAtMs = await upkeep.askToFlush();
    const endsAtMs = monotonicMs() + waitMs;
    this.#newcomersUntilMs ??= monotonicMs() + NEWCOMER_MS;
    for (;;) {
      const behind = (await living()).filter(({ flushedUntilMs = 0 }) => flushedUntilMs < askedAtMs);
      // One of an earlier version never says it.
      const unable = behind.filter(({ flushedUntilMs }) => flushedUntilMs === undefined);
      const isOver = monotonicMs() >= endsAtMs;
      for (const producer of isOver ? behind : unable) this.#missing.set(producer.producerId, producer);
      const haveAnswered = behind.length === unable.length && monotonicMs() >= this.#newcomersUntilMs;
      if (isOver || haveAnswered) return;
      await pause(LOOK_EVERY_MS);
    }
  }
}
