// Sends a replay's batches to the ledger, in order, one at a time: while one is on its way the next is being gathered, so that
// reading and writing share the time. At most two batches are in memory.
import type { ReplayPosition } from '../../ports/usageLedger.js';
import type { ReplayRun } from './replayIdentity.js';
import { applyReplayStep, type ReplayStepParts } from './replayStep.js';
import type { ReplayTally } from './replayTally.js';

/** See the head of this file. */
export class ReplayWriter {
  readonly #parts: ReplayStepParts;
  readonly #run: ReplayRun;
  /** Where the ledger stands once the batch on its way has landed. */
  #from: ReplayPosition | undefined;
  #onItsWay: Promise<void> = Promise.resolve();

  constructor(parts: ReplayStepParts, run: ReplayRun) {
    this.#parts = parts;
    this.#run = run;
    this.#from = run.known;
  }

  /** Waits for the batch before, then sends what the tally holds. Throws what the batch before threw. */
  async write(tally: ReplayTally, to: ReplayPosition): Promise<void> {
    await this.#onItsWay;
    if (tally.lines === 0) return;
    const { source, options } = this.#run;
    const batch = { ...tally.take(), source, options, from: this.#from, to };
    this.#from = to;
    this.#onItsWay = applyReplayStep(this.#parts, batch);
    // It is awaited by the next call; this only keeps a failure until then from ending the process.
    this.#onItsWay.catch(() => undefined);
  }

  /** Resolves when all is in the ledger. */
  finish(): Promise<void> {
    return this.#onItsWay;
  }
}
