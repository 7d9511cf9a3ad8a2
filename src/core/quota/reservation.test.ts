// Reservations: every way from one state to the next, and what each leaves in the counters.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slidingOf, TenantCounters, windowAt } from '../../../test/quota/tenantCounters.js';
import { MAX_COUNT } from './limit.js';
import type { FinishAction, FinishOutcome } from './reservation.js';

const NOW = 1_012;
const TTL = 500;
const windows = [windowAt('minute', 100, 10, NOW), windowAt('day', 1_000, 1_000, NOW), slidingOf('s', 100, 50)];
const reserve = { id: 'r', ttlMs: TTL };
const commit = (actual: number): FinishAction => ({ kind: 'commit', actual });
const release: FinishAction = { kind: 'release' };

function reserved(estimate = 30, ttlMs = TTL): TenantCounters {
  const counters = new TenantCounters();
  counters.charge({ costs: [5], windows }, NOW);
  counters.charge({ costs: [estimate], windows, reserve: { id: 'r', ttlMs } }, NOW);
  return counters;
}

/** Used and held of the day, and used of the sliding window. */
function figures(counters: TenantCounters) {
  const day = counters.fixed('day');
  const sliding = counters.charge({ costs: [0], windows: windows.slice(2) }, NOW).windows[0]?.used;
  return [day?.used, day?.held, sliding];
}

describe('making one', () => {
  test('charges the estimate and holds it', () => {
    const counters = reserved();
    expect(figures(counters)).toEqual([35, 30, 35]);
    expect(counters.reservations.get('r')).toMatchObject({ state: 'open', estimate: 30, expiresAtMs: NOW + TTL });
  });

  test('that is refused leaves nothing to commit', () => {
    const counters = reserved(101);
    expect(figures(counters)).toEqual([5, 0, 5]);
    expect(counters.finish('r', commit(1), NOW).outcome).toBe('unknown');
  });

  test('of nothing makes none', () => {
    expect(reserved(0).finish('r', release, NOW).outcome).toBe('unknown');
  });

  test('takes the block beside it out of what the reservation holds', () => {
    const counters = new TenantCounters();
    counters.charge({ costs: [30], windows: windows.slice(0, 2), reserve, take: 4 }, NOW);
    expect(counters.fixed('day')).toMatchObject({ used: 34, held: 34 });
    counters.finish('r', release, NOW);
    expect(counters.fixed('day')).toMatchObject({ used: 4, held: 4 });
  });
});

describe('ending one', () => {
  type Step = readonly [action: FinishAction, afterMs: number, outcome: FinishOutcome];
  const LATE = TTL;
  test.each<[string, Step[], [number, number, number]]>([
    // the steps with their outcomes; then used and held of the day, and used of the sliding window
    ['commit of less', [[commit(10), 0, 'committed']], [15, 0, 15]],
    ['commit of the same', [[commit(30), 0, 'committed']], [35, 0, 35]],
    ['commit of more is charged in full, also above the limit', [[commit(300), 0, 'committed']], [305, 0, 305]],
    ['commit of nothing', [[commit(0), 0, 'committed']], [5, 0, 5]],
    ['release', [[release, 0, 'released']], [5, 0, 5]],
    ['a millisecond before it expires', [[commit(10), LATE - 1, 'committed']], [15, 0, 15]],
    // Expiry only forgets: the slow call that ends afterwards was admitted.
    ['commit when it has expired', [[commit(10), LATE, 'expired']], [35, 30, 35]],
    ['release when it has expired', [[release, LATE, 'expired']], [35, 30, 35]],
    [
      'the same commit again',
      [
        [commit(10), 0, 'committed'],
        [commit(10), 0, 'committed'],
      ],
      [15, 0, 15],
    ],
    [
      'the same commit again, after the time',
      [
        [commit(10), 0, 'committed'],
        [commit(10), LATE, 'committed'],
      ],
      [15, 0, 15],
    ],
    [
      'another commit',
      [
        [commit(10), 0, 'committed'],
        [commit(11), 0, 'other_amount'],
      ],
      [15, 0, 15],
    ],
    [
      'release after commit',
      [
        [commit(10), 0, 'committed'],
        [release, 0, 'already_committed'],
      ],
      [15, 0, 15],
    ],
    [
      'commit after release',
      [
        [release, 0, 'released'],
        [commit(10), 0, 'already_released'],
      ],
      [5, 0, 5],
    ],
    [
      'release again',
      [
        [release, 0, 'released'],
        [release, LATE, 'released'],
      ],
      [5, 0, 5],
    ],
    [
      'commit again when it was late',
      [
        [commit(10), LATE, 'expired'],
        [commit(20), LATE, 'expired'],
      ],
      [35, 30, 35],
    ],
    [
      'release after a late commit',
      [
        [commit(10), LATE, 'expired'],
        [release, LATE, 'expired'],
      ],
      [35, 30, 35],
    ],
    [
      'commit after a late release',
      [
        [release, LATE, 'expired'],
        [commit(10), LATE, 'expired'],
      ],
      [35, 30, 35],
    ],
    // The clock of the store went back: what was told stands.
    [
      'late, and then in time again',
      [
        [commit(10), LATE, 'expired'],
        [commit(10), 0, 'expired'],
      ],
      [35, 30, 35],
    ],
  ])('%s', (_, steps, expected) => {
    const counters = reserved();
    for (const [action, afterMs, outcome] of steps)
      expect(counters.finish('r', action, NOW + afterMs)).toEqual({
        ...{ outcome, timeMs: NOW + afterMs, estimate: 30, resetNumber: 0 },
      });
    expect(figures(counters)).toEqual(expected);
  });

  test('the amount of a late commit is kept: it is metered all the same', () => {
    const counters = reserved();
    counters.finish('r', commit(12), NOW + TTL);
    expect(counters.reservations.get('r')).toMatchObject({ state: 'late', actual: 12 });
  });

  test('one that nobody made, or that is forgotten', () => {
    expect(reserved().finish('other', commit(1), NOW)).toEqual({
      ...{ outcome: 'unknown', timeMs: NOW, estimate: 0, resetNumber: 0 },
    });
  });
});

describe('the very windows that were charged, and no others', () => {
  test('reserved at the end of a minute, ended in the next: the new minute is as it was', () => {
    const counters = reserved();
    const later = NOW + 10;
    const next = [windowAt('minute', 100, 10, later), windowAt('day', 1_000, 1_000, later)];
    counters.charge({ costs: [100], windows: next }, later);
    counters.finish('r', release, later);
    expect(counters.fixed('minute')).toMatchObject({ used: 100, held: 0 });
    expect(counters.fixed('day')).toMatchObject({ used: 105, held: 0 });
    expect(counters.charge({ costs: [1], windows: next }, later).granted).toEqual([false]);
  });

  test('a segment that has left stays gone, a younger one is as it was', () => {
    const counters = reserved(30, 10_000);
    const later = NOW + 800;
    counters.charge({ costs: [7], windows: windows.slice(2) }, later);
    counters.finish('r', commit(90), later);
    expect(counters.charge({ costs: [0], windows: windows.slice(2) }, later).windows[0]?.used).toBe(7);
  });

  test('after a reset, and in counters that began anew, nothing changes; the outcome is told all the same', () => {
    const counters = reserved();
    counters.charge({ costs: [50], windows, resetNumber: 3 }, NOW);
    expect(counters.finish('r', commit(1), NOW)).toMatchObject({ outcome: 'committed', resetNumber: 0 });
    expect(figures(counters)).toEqual([50, 0, 50]);
  });

  test('no counter is made, and none falls below 0', () => {
    const counters = reserved();
    const kept = [...counters.stored.counters].filter(([field]) => field !== 'day');
    counters.stored = { ...counters.stored, counters: new Map(kept) };
    counters.finish('r', commit(500), NOW);
    expect(counters.fixed('day')).toBeUndefined();
    const emptied = reserved();
    const day = emptied.fixed('day');
    if (day === undefined) throw new Error('expected a day');
    const counted = new Map([...emptied.stored.counters, ['day', { ...day, used: 3, held: 2 }] as const]);
    emptied.stored = { ...emptied.stored, counters: counted };
    emptied.finish('r', release, NOW);
    expect(emptied.fixed('day')).toMatchObject({ used: 0, held: 0 });
  });

  test('a count stays at 2^53-1', () => {
    const counters = reserved();
    counters.finish('r', commit(MAX_COUNT), NOW);
    expect(counters.fixed('day')?.used).toBe(MAX_COUNT);
  });
});

test('whatever is reserved and ended in whatever order, used is what was charged and committed, held what is open', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    kind: fc.constantFrom('reserve', 'reserve', 'commit', 'release', 'charge'),
    units: fc.nat(20),
    waits: fc.constantFrom(0, 0, 0, 200),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const counters = new TenantCounters();
      const open = [windowAt('day', undefined, 1_000_000, NOW), slidingOf('s', undefined, 100_000)];
      /** Units that each reservation counts for, and what it holds. */
      const counted = new Map<string, { units: number; held: number }>();
      let charged = 0;
      let made = 0;
      let now = NOW;
      for (const { id, kind, units, waits } of steps) {
        now += waits;
        const latest = `${id}${made}`;
        if (kind === 'charge') {
          charged += units;
          counters.charge({ costs: [units], windows: open }, now);
        } else if (kind === 'reserve') {
          made += 1;
          counters.charge({ costs: [units], windows: open, reserve: { id: `${id}${made}`, ttlMs: TTL } }, now);
          counted.set(`${id}${made}`, { units, held: units });
        } else {
          const state = counters.reservations.get(latest);
          const reply = counters.finish(latest, kind === 'commit' ? commit(units) : release, now);
          if (state?.state === 'open' && reply.outcome === 'committed') counted.set(latest, { units, held: 0 });
          if (state?.state === 'open' && reply.outcome === 'released') counted.set(latest, { units: 0, held: 0 });
        }
        const all = [...counted.values()];
        const day = counters.fixed('day') ?? { used: 0, held: 0 };
        const used = charged + all.reduce((sum, one) => sum + one.units, 0);
        expect(day.used).toBe(used);
        expect(day.held).toBe(all.reduce((sum, one) => sum + one.held, 0));
        expect(counters.charge({ costs: [0], windows: open }, now).windows[1]?.used).toBe(used);
      }
    }),
  );
});
