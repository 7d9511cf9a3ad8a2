// Sliding windows as they are often written, and wrong.
import type { MakeSlidingLimiter } from '../quota/slidingLaw.js';

/** Ten segments, the present one among them: the one that has just left still holds requests younger than the window. */
export const tenSegments: MakeSlidingLimiter = (limit, segmentMs) => {
  const segments = new Map<number, number>();
  return (cost, timeMs) => {
    const present = Math.floor(timeMs / segmentMs);
    let used = 0;
    for (const [index, units] of segments) if (index > present - 10) used += units;
    if (cost > limit - used) return false;
    segments.set(present, (segments.get(present) ?? 0) + cost);
    return true;
  };
};

/** Two buckets, of which the older is weighed by its share: it takes for granted that requests come evenly. */
export const twoBuckets: MakeSlidingLimiter = (limit, segmentMs) => {
  const lengthMs = 10 * segmentMs;
  const buckets = new Map<number, number>();
  return (cost, timeMs) => {
    const present = Math.floor(timeMs / lengthMs);
    const share = 1 - (timeMs % lengthMs) / lengthMs;
    const used = (buckets.get(present) ?? 0) + share * (buckets.get(present - 1) ?? 0);
    if (used + cost > limit) return false;
    buckets.set(present, (buckets.get(present) ?? 0) + cost);
    return true;
  };
};
