// The process's two clocks. A seam, not an option: tests of an app set the wall clock through `tallygate/testing`.

/** Reads time. Decisions use the counter store's clock instead; this one serves the in-process store and deadlines. */
export interface Clock {
  /** Milliseconds since 1970. May jump. */
  wallMs(): number;
  /** Milliseconds since some fixed point. Never goes back. */
  monotonicMs(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
