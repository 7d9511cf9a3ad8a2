// How far from now usage may lie that somebody tells of afterwards. A replay of a log is exempt: old dates are its point.

/** Usage further back than this is refused: the storage of the days before is closed. */
const OLDEST_MS = 35 * 86_400_000;
/** Usage further ahead than this is refused: a clock is wrong. */
const NEWEST_MS = 5 * 60_000;

/** Whether usage of the instant `atMs` can be booked at `nowMs`: at most 35 days back and 5 minutes ahead. NaN cannot. */
export const isWithinReach = (atMs: number, nowMs: number): boolean =>
  atMs >= nowMs - OLDEST_MS && atMs <= nowMs + NEWEST_MS;
