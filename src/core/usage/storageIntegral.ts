// A day's storage from the levels that were reported: byte-milliseconds, and for how much of the day a level is known at all.
// The same function makes the ledger's rows and, up to now, the running day of a report.
import { MAX_COUNT } from '../quota/limit.js';
import type { Period } from '../time/calendar.js';

/** A storage level that was reported, or a change of it: it holds from its second until the next point. */
export interface StoragePoint {
  /** Whole seconds since 1970. */
  readonly atSeconds: number;
  /**
   * `set`: the level is `bytes` from then on. `add`: the level that held changes by `bytes`; those of one second come after its set.
   * @defaultValue `set`
   */
  readonly kind?: 'set' | 'add';
  /** Bytes, 0 to 2^53-1; of an `add` also below 0. */
  readonly bytes: number;
  /** UUIDv7 made at receipt: of two levels in one second the one with the later id (as text) wins. '' of changes: they add up. */
  readonly id: string;
}

/** The level that was last reported before a day. */
export interface StorageLevel {
  readonly bytes: number;
  readonly atSeconds: number;
}

/** One day's storage. */
export interface StorageDay {
  /** Byte-milliseconds over the covered time; beyond 2^53 at 107 GB a day, therefore a bigint. */
  readonly byteMs: bigint;
  /** Milliseconds of the day for which a level is known. */
  readonly coveredMs: number;
  /** Highest level in the day, the one carried in included. */
  readonly peakBytes: number;
  /** The last level that held in the day. */
  readonly lastBytes: number;
  /** Instant of the point that brought that level, in seconds since 1970. Without points in the day it lies before it. */
  readonly lastAtSeconds: number;
}

/** How long a level holds without another point. After that nothing is known, which is not the same as 0 bytes. */
export const CARRY_MS = 35 * 86_400_000;

/**
 * Integrates a day.
 *
 * @param points - In any order; those outside the day, or from `untilMs` on, are passed over.
 * @param levelBefore - The last level before the day. It is carried in until the first point, and ends 35 days after its own; a change
 * goes on from it however old it is.
 * @param untilMs - The day counts up to this instant, its end unless told: the running day ends at `asOf`.
 * @returns undefined where no level held at any time of the day.
 */
export function integrateDay(
  points: readonly StoragePoint[],
  levelBefore: StorageLevel | undefined,
  day: Pick<Period, 'start' | 'end'>,
  untilMs: number = day.end,
): StorageDay | undefined {
  const until = Math.min(day.end, untilMs);
  const levels = levelsOf(points, levelBefore, day.start, until);
  let byteMs = 0n;
  let coveredMs = 0;
  let peakBytes = 0;
  for (const [index, level] of levels.entries()) {
    const from = Math.max(day.start, level.atSeconds * 1000);
    const to = Math.min(level.atSeconds * 1000 + CARRY_MS, startOf(levels[index + 1]) ?? until);
    byteMs += BigInt(level.bytes) * BigInt(to - from);
    coveredMs += to - from;
    peakBytes = Math.max(peakBytes, level.bytes);
  }
  const last = levels.at(-1);
  if (last === undefined) return undefined;
  return { byteMs, coveredMs, peakBytes, lastBytes: last.bytes, lastAtSeconds: last.atSeconds };
}

/** The levels that hold at some time from `start` to `until`, oldest first, each of another second. */
function levelsOf(
  points: readonly StoragePoint[],
  levelBefore: StorageLevel | undefined,
  start: number,
  until: number,
): StorageLevel[] {
  const inDay = points.filter((point) => point.atSeconds * 1000 >= start && point.atSeconds * 1000 < until);
  const levels = levelsAfter(inDay, levelBefore?.bytes ?? 0);
  // A level that another point replaces at the day's very start, or that is too old by then, holds for no time of it.
  const firstEnd = startOf(levels[0]) ?? until;
  if (levelBefore !== undefined && start < Math.min(firstEnd, levelBefore.atSeconds * 1000 + CARRY_MS)) {
    levels.unshift(levelBefore);
  }
  return levels;
}

/** The level after each second that has points, oldest first; the last level before them is `bytesBefore`. */
function levelsAfter(points: readonly StoragePoint[], bytesBefore: number): StorageLevel[] {
  const seconds = new Map<number, { set: StoragePoint | undefined; added: bigint }>();
  for (const point of points) {
    const second = seconds.get(point.atSeconds) ?? { set: undefined, added: 0n };
    if (point.kind === 'add') second.added += BigInt(point.bytes);
    else if (second.set === undefined || second.set.id < point.id) second.set = point;
    seconds.set(point.atSeconds, second);
  }
  let bytes = bytesBefore;
  return [...seconds]
    .sort(([a], [b]) => a - b)
    .map(([atSeconds, { set, added }]) => {
      bytes = held(BigInt(set?.bytes ?? bytes) + added);
      return { atSeconds, bytes };
    });
}

/** A level is never below 0, nor beyond what can be counted: from there the next change goes on. */
const held = (bytes: bigint): number => (bytes < 0n ? 0 : bytes > MAX_LEVEL ? Number(MAX_LEVEL) : Number(bytes));
const MAX_LEVEL = BigInt(MAX_COUNT);

const startOf = (level: StorageLevel | undefined): number | undefined =>
  level === undefined ? undefined : level.atSeconds * 1000;
