// A lease: units taken out of the shared counters before they are spent, so that a process can admit without asking. Taking it is a
// charge and nothing else; what is not spent goes back once, into the very windows that it came from.
import { isSegments, type StoredTenant, type StoredWindow } from './counter.js';

/** The part of the smallest rest that one block may be: near a limit blocks shrink to nothing, and every request asks. */
const LARGEST_SHARE = 8;

/** The end of a block: what goes back, and into which windows. */
export interface Settlement {
  /** The incarnation of the counters at the taking: after a reset, or in a store that began anew, nothing goes back. */
  readonly incarnation: string;
  /** Units of the block: no longer held. */
  readonly block: number;
  /** Units of it that were not spent: no longer used. */
  readonly rest: number;
  /** Each window for itself: the minute's edge must not burn the month. */
  readonly windows: readonly ChargedWindow[];
}

/** A window that was charged: its field, and its start (of a sliding one: the index of the segment). */
export interface ChargedWindow {
  readonly field: string;
  readonly start: number;
  /** What it counts; left out: the quota's own units. */
  readonly meter?: string;
}

/**
 * The size of a block: at most `want` and an eighth of the smallest rest.
 * @param rests what is left of each limit, whatever it does with a request that does not fit
 */
export function blockSize(want: number, rests: readonly number[]): number {
  const smallest = Math.min(Number.POSITIVE_INFINITY, ...rests);
  return Math.max(0, Math.min(want, Math.floor(smallest / LARGEST_SHARE)));
}

/** The counters that a settlement changes. Never below 0, never a counter that is not there. */
export function settle(stored: StoredTenant, settlement: Settlement): ReadonlyMap<string, StoredWindow> {
  const changed = new Map<string, StoredWindow>();
  if (stored.incarnation !== settlement.incarnation) return changed;
  for (const { field, start } of settlement.windows) {
    const counter = stored.counters.get(field);
    if (counter === undefined || isSegments(counter) || counter.start !== start) continue;
    changed.set(field, {
      ...counter,
      used: Math.max(0, counter.used - settlement.rest),
      held: Math.max(0, counter.held - settlement.block),
    });
  }
  return changed;
}
