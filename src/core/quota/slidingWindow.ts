// A sliding window of N seconds: the present segment of N/10 and the ten before it, all counted whole, so that no N seconds hold
// more than the limit. Two buckets of which the older is weighed would admit 199 of 100, ten segments 200 of 100: the one that is
// about to leave still has requests in it that are younger than N.
import type { SlidingWindow } from './chargeRequest.js';
import { type Segment, type StoredSegments, saturatingSum } from './counter.js';

/** Segments of a window that count beside the present one. */
const OLDER_SEGMENTS = 10;

/** A sliding window as a request finds it, before its own costs. */
export interface FoundSegments {
  readonly window: SlidingWindow;
  /** Those that count, oldest first. */
  readonly segments: readonly Segment[];
  readonly used: number;
  /** Index of the present segment. */
  readonly present: number;
}

/** The length of a segment of a window of `seconds` seconds, in milliseconds. */
export const segmentMsOf = (seconds: number): number => (seconds * 1000) / OLDER_SEGMENTS;

/** Finds what counts at `timeMs`. Segments of more than a window ahead were written by a clock that jumped and came back. */
export function findSegments(window: SlidingWindow, stored: StoredSegments | undefined, timeMs: number): FoundSegments {
  const present = Math.floor(timeMs / window.segmentMs);
  const segments = (stored?.segments ?? []).filter(({ index }) => Math.abs(present - index) <= OLDER_SEGMENTS);
  return { window, segments, used: unitsOf(segments), present };
}

/** First and last instant that a found window is about: when its present segment has left, all that it counts now has. */
export function boundsOf({ window, segments, present }: FoundSegments): { start: number; end: number } {
  const newest = Math.max(present, segments.at(-1)?.index ?? present);
  return { start: (present - OLDER_SEGMENTS) * window.segmentMs, end: leavesAt(newest, window.segmentMs) };
}

/** The segments after `added` units in the present one. */
export function withUnits({ segments, present }: FoundSegments, added: number): readonly Segment[] {
  if (added === 0) return segments;
  const others = segments.filter(({ index }) => index !== present);
  const units = saturatingSum(segments.find(({ index }) => index === present)?.units ?? 0, added);
  return [...others, { index: present, units }].sort((a, b) => a.index - b.index);
}

/** When `cost` fits under `limit`: as soon as enough of the segments have left. In milliseconds since 1970. */
export function fitsAt(cost: number, limit: number, segments: readonly Segment[], segmentMs: number): number {
  let used = unitsOf(segments);
  let at = 0;
  for (const { index, units } of segments) {
    if (cost <= limit - used) break;
    used -= units;
    at = leavesAt(index, segmentMs);
  }
  return at;
}

/** First instant at which a segment counts no more, in milliseconds since 1970. */
export const leavesAt = (index: number, segmentMs: number): number => (index + OLDER_SEGMENTS + 1) * segmentMs;

const unitsOf = (segments: readonly Segment[]): number =>
  segments.reduce((sum, { units }) => saturatingSum(sum, units), 0);
