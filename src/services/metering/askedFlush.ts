// Somebody compares the counters with the ledger, and wants all that is on its way to be there: an answer to each time it is asked.
import { hasCode, type TallygateError } from '../../core/errors.js';
import type { UsageFlusher } from './usageFlusher.js';

/** Makes what is told, again and again, when everybody was last asked to flush. Once it was done it is not done again for that. */
export function answerToFlushAsked(
  flusher: Pick<UsageFlusher, 'tell'>,
  onFailure: (error: TallygateError) => void,
): (askedAtMs: number) => void {
  let answeredMs: number | undefined;
  let isAnswering = false;
  async function answer(askedAtMs: number): Promise<void> {
    isAnswering = true;
    try {
      await flusher.tell();
      answeredMs = askedAtMs;
    } catch (error) {
      // Asked again with the next look, as long as nothing else was asked since.
      if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'ledger_mismatch', 'migrations_pending')) throw error;
      onFailure(error);
    } finally {
      isAnswering = false;
    }
  }
  return (askedAtMs) => {
    if (!isAnswering && askedAtMs !== answeredMs) void answer(askedAtMs);
  };
}
