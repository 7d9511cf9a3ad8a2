// One step of a replay into the ledger: once, whatever becomes of the answers. The log's position in the ledger is moved by
// compare-and-set in the step's own transaction, so it tells whether a step landed.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { ReplayBatch, ReplayPosition, UsageLedger } from '../../ports/usageLedger.js';

/** What a step needs. */
export interface ReplayStepParts {
  readonly ledger: Pick<UsageLedger, 'applyReplay' | 'replayPosition'>;
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

// 0.1, 0.2, ... 5, 5, ... seconds: a minute of waiting for a ledger that restarts.
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const MAX_ATTEMPTS = 17;

/**
 * Applies `batch`, trying again while the ledger is away.
 * @throws TallygateError `replay_refused` where another replay moved the position; `ledger_unavailable` after a minute, when
 * the outcome is unknown and the same command may simply be run again; and `ledger_refused`, `migrations_pending` as they come.
 */
export async function applyReplayStep(parts: ReplayStepParts, batch: ReplayBatch): Promise<void> {
  let inDoubt = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      // An earlier attempt of ours may still be under way in the database. Then this one waits for it on the row and loses.
      if (!inDoubt || (await standsBefore(parts, batch))) {
        if ((await parts.ledger.applyReplay(batch)) === 'applied') return;
        if (!inDoubt || (await standsBefore(parts, batch))) throw anotherReplay();
      }
      return;
    } catch (error) {
      if (!hasCode(error, 'ledger_unavailable')) throw error;
      if (attempt === MAX_ATTEMPTS) throw givenUp(error);
      inDoubt = true;
    }
    await parts.pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
  }
}

/** Whether the log still stands before the batch. After it: the batch landed. Anywhere else: somebody else moved it. */
async function standsBefore(parts: ReplayStepParts, batch: ReplayBatch): Promise<boolean> {
  const position = await parts.ledger.replayPosition(batch.source);
  if (isSame(position, batch.from)) return true;
  if (isSame(position, batch.to)) return false;
  throw anotherReplay();
}

function isSame(one: ReplayPosition | undefined, other: ReplayPosition | undefined): boolean {
  return one?.bytes === other?.bytes && one?.sha256 === other?.sha256 && one?.lines === other?.lines;
}

const anotherReplay = (): TallygateError =>
  new TallygateError(
    'replay_refused',
    'Another replay of this log is running. What it meters is not metered twice; wait for its end and run this command again.',
  );

const givenUp = (cause: unknown): TallygateError =>
  new TallygateError(
    'ledger_unavailable',
    'The ledger did not answer for a minute. Run the same command again when it does: it goes on where this one stopped, and nothing is metered twice.',
    { cause },
  );
