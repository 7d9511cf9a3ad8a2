// The law of leases, for any counters: whatever their holders do (spend, give back, die, come back late), what is spent in a window
// never exceeds its limit.
import fc from 'fast-check';
import type { DecidedReply } from '../../src/core/quota/chargeReply.js';
import type { Settlement } from '../../src/core/quota/lease.js';
import { type SomeRequest, windowAt } from './tenantCounters.js';

/** What the law is about. */
export interface LeasedCounters {
  charge(request: SomeRequest, timeMs: number): DecidedReply;
}

const START = 1_012;
/** How long a holder spends from a block, in milliseconds. */
const LIFE_MS = 1_000;

interface Held {
  readonly reply: DecidedReply;
  readonly untilMs: number;
  rest: number;
}

const someSteps = fc.array(
  fc.record({
    holder: fc.nat(3),
    kind: fc.constantFrom('ask', 'ask', 'spend', 'spend', 'spend', 'settle', 'die'),
    units: fc.integer({ min: 1, max: 6 }),
    waitMs: fc.constantFrom(0, 0, 0, 200, 1_100),
  }),
  { minLength: 20, maxLength: 120 },
);

/** Rejects where more than the limit is spent. */
export function leasesNeverExceedTheLimit(make: () => LeasedCounters, numRuns = 200): void {
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 120 }), someSteps, (limit, steps) => {
      const counters = make();
      const windows = [windowAt('day', limit, 10_000_000, START)];
      const leases = new Map<number, Held>();
      const ended = (holder: number): Settlement | undefined => {
        const lease = leases.get(holder);
        leases.delete(holder);
        if (lease === undefined) return undefined;
        const { incarnation, block } = lease.reply;
        const charged = [{ field: 'day', start: lease.reply.windows[0]?.start ?? 0 }];
        return { incarnation, block, rest: lease.rest, windows: charged };
      };
      let spent = 0;
      let now = START;
      for (const { holder, kind, units, waitMs } of steps) {
        now += waitMs;
        const lease = leases.get(holder);
        if (kind === 'die') leases.delete(holder);
        else if (kind === 'spend') {
          if (lease === undefined || now >= lease.untilMs || units > lease.rest) continue;
          lease.rest -= units;
          spent += units;
        } else {
          const settle = ended(holder);
          const costs = kind === 'ask' ? [units] : [];
          const take = kind === 'ask' ? 8 : undefined;
          const reply = counters.charge({ costs, windows, take, settle }, now);
          if (reply.granted[0] === true) spent += units;
          if (reply.block > 0) leases.set(holder, { reply, untilMs: now + LIFE_MS, rest: reply.block });
        }
        if (spent > limit) throw new Error(`${spent} of ${limit} spent`);
      }
    }),
    { numRuns },
  );
}
