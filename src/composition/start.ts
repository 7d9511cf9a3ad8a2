// The start: database, settings, counter store, in this order, each as often as it takes. What will never come right by itself
// (a folder that another process holds, a schema that is not ours) ends it; everything else is retried.
import { setTimeout as pause } from 'node:timers/promises';
import { hasCode, type TallygateError } from '../core/errors.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** One step of the start. */
export interface StartStep {
  /** What is waited for, for a person: `the ledger`. */
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** What it needs. */
export interface StartParts {
  readonly steps: readonly StartStep[];
  /** Told of each attempt that failed and is made again. */
  readonly onWaiting: (step: string, error: TallygateError) => void;
  /** Aborted once nobody wants the start any more: then the next failure ends it. */
  readonly signal: AbortSignal;
}

/** Runs the steps. Rejects with what makes the start impossible. */
export async function start(parts: StartParts): Promise<void> {
  for (const step of parts.steps) await untilDone(step, parts);
}

async function untilDone(step: StartStep, { onWaiting, signal }: StartParts): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await step.run();
    } catch (error) {
      const passes = hasCode(error, 'ledger_unavailable', 'migrations_pending', 'counter_store_unavailable');
      if (!passes || signal.aborted) throw error;
      onWaiting(step.name, error);
      // Holds no process open: whoever waits for the start has a timer of his own. An abort only cuts the pause short.
      await pause(pauseMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }
}
