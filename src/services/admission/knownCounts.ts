// What this process knows of a tenant's counters without asking: what the store told last, and what is known beyond that.
import type { CountedWindow } from '../../core/quota/chargeReply.js';
import { saturatingSum } from '../../core/quota/counter.js';
import type { PlannedFixed } from '../../core/quota/windows.js';

/** See the head of this file. */
export interface KnownCounts {
  /** What the store told last, as it stood before the units that the same call charged; undefined where it told nothing. */
  readonly seen: readonly CountedWindow[] | undefined;
  readonly seenCharge: number;
  /** The part of those units that is held: a reservation, or a block. */
  readonly seenHeld: number;
  /** What is known beyond what was seen: counts that the store forgot, and what an outage policy let pass. */
  readonly known: readonly CountedWindow[];
}

/** Whether both are about one window. */
export const isSame = (one: CountedWindow, other: CountedWindow): boolean =>
  one.start === other.start && one.end === other.end;

/** What is used and not held: it only grows in one window, whatever goes back. */
export const spentOf = ({ used, held }: CountedWindow): number => used - held;

/** What the store told last, after the charge that it told it of. */
export const withCharge = ({ seen, seenCharge, seenHeld }: Omit<KnownCounts, 'known'>): readonly CountedWindow[] =>
  (seen ?? []).map((window) => ({
    ...window,
    used: saturatingSum(window.used, seenCharge),
    held: saturatingSum(window.held, seenHeld),
  }));

/** The most that is known of a window, by `figure`; undefined where nothing is. */
export function lastKnown(
  counts: KnownCounts | undefined,
  window: PlannedFixed,
  figure: (one: CountedWindow) => number,
): number | undefined {
  let most: number | undefined;
  if (counts === undefined) return most;
  for (const one of [...withCharge(counts), ...counts.known]) {
    if (one.start === window.starts[1] && one.end === window.starts[2]) most = Math.max(most ?? 0, figure(one));
  }
  return most;
}

/** The windows that were seen last, each with the most that is known of it, and `added` on top. */
export function merged(
  known: readonly CountedWindow[],
  seen: readonly CountedWindow[],
  added: number,
): CountedWindow[] {
  return seen.map((window) => {
    const same = [window, ...known.filter((one) => isSame(one, window))];
    const used = Math.max(...same.map((one) => one.used));
    return { ...window, used: saturatingSum(used, added), held: used - Math.max(...same.map(spentOf)) };
  });
}
