// The process's two clocks. A seam, not an option: tests of an app set the wall clock through `tallygate/testing`.

/** Reads time. Decisions use the counter store's clock instead; this one serves the in-process store and deadlines. */
export interface Clock {
  /** Milliseconds since 1970. May jump. */
  wallMs(): number;
  /** Milliseconds since some fixed point. Never goes back. */
  monotonicMs(): number;
}

let setWallMs: number | undefined;

/** The machine's clocks; the wall clock stands where a test has set it. */
export const systemClock: Clock = {
  wallMs: () => setWallMs ?? Date.now(),
  monotonicMs: () => performance.now(),
};

/**
 * Sets the wall clock of the whole process, or gives it back to the machine (undefined). Only `tallygate/testing` calls this.
 * The monotonic clock keeps running: timeouts stay real.
 */
export function setWallClock(ms: number | undefined): void {
  setWallMs = ms;
}
