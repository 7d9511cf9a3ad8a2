// The law of sliding windows, over random arrivals at the resolution of a clock: no N seconds hold more than the limit. It takes any
// limiter, so that wrong ones can be shown to break it.
import fc from 'fast-check';
import { slidingOf, TenantCounters } from './tenantCounters.js';

/** Whether a cost is let pass at an instant, in milliseconds. Instants never go back. */
export type SlidingLimiter = (cost: number, timeMs: number) => boolean;

/** Makes a limiter of `limit` units in any ten segments' time. */
export type MakeSlidingLimiter = (limit: number, segmentMs: number) => SlidingLimiter;

/** The rule as it is shipped. */
export const shippedSliding: MakeSlidingLimiter = (limit, segmentMs) => {
  const counters = new TenantCounters();
  const windows = [slidingOf('s', limit, segmentMs)];
  return (cost, timeMs) => counters.charge({ costs: [cost], windows }, timeMs).granted[0] === true;
};

/** Bursts, a steady trickle, and pauses of nearly a window: what an edge of a segment could let through. */
const somePause = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: 80, max: 120 }) },
  { weight: 2, arbitrary: fc.integer({ min: 850, max: 1_050 }) },
);
const someArrivals = fc.array(fc.record({ pause: somePause, cost: fc.integer({ min: 1, max: 6 }) }), {
  minLength: 10,
  maxLength: 80,
});

/** Rejects where the limiter lets more pass in any second than its limit. */
export function holdsInAnySecond(make: MakeSlidingLimiter, numRuns = 500): void {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(2_000), someArrivals, (limit, start, arrivals) => {
      const passes = make(limit, 100);
      const granted: { at: number; cost: number }[] = [];
      let now = 1_000_000 + start;
      for (const { pause, cost } of arrivals) {
        now += pause;
        if (!passes(cost, now)) continue;
        granted.push({ at: now, cost });
        const inSecond = granted.filter(({ at }) => at > now - 1_000).reduce((sum, one) => sum + one.cost, 0);
        if (inSecond > limit) throw new Error(`${inSecond} of ${limit} within a second, up to ${now}`);
      }
    }),
    { numRuns },
  );
}
