// What this process knows of a tenant's counters without asking: what the store told last, and what is known beyond that.
import type { CountedWindow } from '../../core/quota/chargeReply.js';
import { saturatingSum } from '../../core/quota/counter.js';
import { meterNameOf, type PlannedFixed, type WindowPlan } from '../../core/quota/windows.js';

/** What is asked of a plan of windows here. */
export type SeenPlan = Pick<WindowPlan, 'windows' | 'meters'>;

/** See the head of this file. */
export interface KnownCounts {
  /** What the store told last, as it stood before the units that the same call charged; undefined where it told nothing. */
  readonly seen: readonly CountedWindow[] | undefined;
  /** The windows that `seen` is about, in its order. */
  readonly seenPlan: SeenPlan;
  /** Units that the same call charged, by meter. */
  readonly seenCharge: readonly number[];
  /** The part of those units that is held: a reservation, or a block. */
  readonly seenHeld: readonly number[];
  /** What is known beyond what was seen: counts that the store forgot, and what an outage policy let pass. */
  readonly known: readonly KnownWindow[];
}

/** A window with the meter that it counts; undefined: own units. */
export interface KnownWindow extends CountedWindow {
  readonly meter: string | undefined;
}

/** Whether both are about one window: what counts the same units in the same time has counted the same. */
const isSame = (one: KnownWindow, other: KnownWindow): boolean =>
  one.start === other.start && one.end === other.end && one.meter === other.meter;

/** What is used and not held: it only grows in one window, whatever goes back. */
export const spentOf = ({ used, held }: CountedWindow): number => used - held;

/** What the store told last, after the charge that it told it of. */
export const withCharge = ({
  seen,
  seenPlan,
  seenCharge,
  seenHeld,
}: Omit<KnownCounts, 'known'>): readonly KnownWindow[] =>
  (seen ?? []).map((window, index) => {
    const place = meterAt(seenPlan, index);
    const used = saturatingSum(window.used, seenCharge[place] ?? 0);
    const held = saturatingSum(window.held, seenHeld[place] ?? 0);
    return { ...window, used, held, meter: seenPlan.meters?.[place - 1] };
  });

/** The place among a request's costs that a window counts. */
export const meterAt = ({ windows }: SeenPlan, index: number): number => windows[index]?.meter ?? 0;

/** The most that is known of a window, by `figure`; undefined where nothing is. */
export function lastKnown(
  counts: KnownCounts | undefined,
  window: PlannedFixed,
  { meters }: SeenPlan,
  figure: (one: CountedWindow) => number,
): number | undefined {
  let most: number | undefined;
  if (counts === undefined) return most;
  const meter = meterNameOf(window, meters);
  for (const one of [...withCharge(counts), ...counts.known]) {
    if (one.start === window.starts[1] && one.end === window.starts[2] && one.meter === meter)
      most = Math.max(most ?? 0, figure(one));
  }
  return most;
}

/** The windows that were seen last, each with the most that is known of it, and what is `added` to it on top. */
export function merged(
  known: readonly KnownWindow[],
  seen: readonly KnownWindow[],
  added: (index: number) => number,
): KnownWindow[] {
  return seen.map((window, index) => {
    const same = [window, ...known.filter((one) => isSame(one, window))];
    const used = Math.max(...same.map((one) => one.used));
    return { ...window, used: saturatingSum(used, added(index)), held: used - Math.max(...same.map(spentOf)) };
  });
}
