// Follows the tenants' settings, so that a change made in any process is in force in all of them within a second.
import { hasCode } from '../../core/errors.js';
import type { Clock } from '../../ports/clock.js';

/** From the start of one poll to the start of the next. With a read deadline of 250 ms: any change is seen within a second. */
export const POLL_INTERVAL_MS = 500;

/** What follows what. */
export interface SettingsPollParts {
  /** Loads what is new; rejects with a ledger's error while it cannot. */
  readonly refresh: () => Promise<void>;
  readonly clock: Clock;
  /** Told of a refresh that failed: settings stay as last known. */
  readonly onFailure: (error: Error) => void;
}

/** Starts polling; the returned function ends it. The timer never keeps the process alive. */
export function startSettingsPoll(parts: SettingsPollParts): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function poll(): Promise<void> {
    const beganAt = parts.clock.monotonicMs();
    try {
      await parts.refresh();
    } catch (error) {
      if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'migrations_pending')) throw error;
      parts.onFailure(error);
    }
    if (!stopped) schedule(Math.max(0, POLL_INTERVAL_MS - (parts.clock.monotonicMs() - beganAt)));
  }

  function schedule(delayMs: number): void {
    timer = setTimeout(() => void poll(), delayMs);
    timer.unref();
  }

  schedule(POLL_INTERVAL_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
