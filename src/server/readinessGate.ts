// Requests that come before everything has answered once wait a while, then hear that the server is not ready.
import type { Handler } from '../http/handler.js';
import { refuse } from '../http/respond.js';

/** Longest wait of a request for readiness. */
export const LONGEST_WAIT_MS = 15_000;
/** Most requests that wait at a time; a further one hears at once that the server is not ready. */
const MOST_WAITING = 1_000;

/** A gate that opens once and for good. */
export interface ReadinessGate {
  /** Holds requests back until the gate opens. */
  readonly handler: Handler;
  open(): void;
  /** Ends all waiting, as at a shutdown: 503 from now on. */
  giveUp(): void;
}

export function createReadinessGate(longestWaitMs = LONGEST_WAIT_MS): ReadinessGate {
  let state: 'waiting' | 'open' | 'given up' = 'waiting';
  // Empty in every state but `waiting`.
  const waiting = new Set<() => void>();

  function settle(next: 'open' | 'given up'): void {
    if (state !== 'waiting') return;
    state = next;
    for (const wake of waiting) wake();
    waiting.clear();
  }

  const handler: Handler = (req, res, next) => {
    if (state === 'open') return next();
    if (state === 'given up' || waiting.size >= MOST_WAITING) return refuse(req, res, 'not_ready');
    const done = (): void => {
      clearTimeout(timer);
      waiting.delete(done);
      if (state === 'open') next();
      else refuse(req, res, 'not_ready');
    };
    const timer = setTimeout(done, longestWaitMs);
    waiting.add(done);
    res.once('close', () => {
      clearTimeout(timer);
      waiting.delete(done);
    });
  };
  return { handler, open: () => settle('open'), giveUp: () => settle('given up') };
}
