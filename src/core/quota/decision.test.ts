import { describe, expect, test } from 'vitest';
import type { CountedWindow } from './chargeReply.js';
import { ownUnits } from './cost.js';
import {
  type Decision,
  decisionWithoutStore,
  limitStates,
  limitsBelowCost,
  overageOf,
  refusingLimits,
  retryAfterMs,
  shadowRefusals,
} from './decision.js';
import type { EffectiveLimit, Enforcement } from './limit.js';

const limit = (
  name: string,
  most: number | 'unlimited',
  enforce: Enforcement = 'hard',
  window: EffectiveLimit['window'] = 'minute',
): EffectiveLimit => ({ name, window, limit: most, enforce, source: 'plan' });
const counted = (used: number, end = 20, more: Partial<CountedWindow> = {}): CountedWindow => ({
  ...{ start: 10, end, used, sent: 1, provisional: false, held: 0 },
  ...more,
});

describe('the states of the limits after a reply', () => {
  test.each<[string, number | 'unlimited', number, number, boolean, number, number | undefined, boolean]>([
    // limit, used before, cost, granted: used after, remaining, violated
    ['admitted', 10, 3, 1, true, 4, 6, false],
    ['admitted to the last unit', 10, 8, 2, true, 10, 0, false],
    ['refused by this limit', 10, 8, 3, false, 8, 2, true],
    ['refused by another limit', 10, 8, 2, false, 8, 2, false],
    ['a limit of 0', 0, 0, 1, false, 0, 0, true],
    // A plan that was lowered in mid-window: nothing remains, and no negative rest is shown.
    ['used is above the limit', 10, 15, 1, false, 15, 0, true],
    ['a look at a full window violates nothing', 10, 15, 0, true, 15, 0, false],
    ['unlimited', 'unlimited', 99, 5, false, 99, undefined, false],
    ['unlimited and admitted', 'unlimited', 99, 5, true, 104, undefined, false],
  ])('%s', (_, most, before, cost, granted, used, remaining, violated) => {
    expect(limitStates([limit('minute', most)], [counted(before, 20, { held: 2 })], ownUnits(cost), granted)).toEqual([
      {
        name: 'minute',
        limit: most === 'unlimited' ? undefined : most,
        enforce: 'hard',
        used,
        held: 2,
        remaining,
        startMs: 10,
        resetAtMs: 20,
        violated,
        fitsAtMs: 20,
      },
    ]);
  });

  test('are one for each limit; the day that travels behind them is not shown', () => {
    const windows = [counted(1), counted(1, 30), counted(9, 40)];
    const states = limitStates([limit('a', 1), limit('b', 2)], windows, ownUnits(1), false);
    expect(states.map((one) => [one.name, one.resetAtMs, one.violated])).toEqual([
      ['a', 20, true],
      ['b', 30, false],
    ]);
  });

  test('a sliding limit is as long as its seconds, whenever what it counts has left', () => {
    const [state] = limitStates(
      [limit('burst', 10, 'hard', { seconds: 10 })],
      [counted(9, 114_000)],
      ownUnits(1),
      true,
    );
    expect([state?.startMs, state?.resetAtMs]).toEqual([104_000, 114_000]);
  });

  test('a sliding limit that refused says when enough of its segments have left, not when all have', () => {
    const sliding = limit('burst', 10, 'hard', { seconds: 10 });
    const segments = [
      { index: 100, units: 4 },
      { index: 103, units: 5 },
    ];
    const stateOf = (cost: number) =>
      limitStates([sliding], [counted(9, 114_000, { segments })], ownUnits(cost), false).map((one) => one.fitsAtMs);
    // Segment 100 ends with 100,999 ms and counts in the ten segments that follow it.
    expect(stateOf(2)).toEqual([111_000]);
    expect(stateOf(5)).toEqual([111_000]);
    expect(stateOf(6)).toEqual([114_000]);
  });
});

describe('limits that refuse nothing', () => {
  const limits = [
    limit('hard', 20),
    limit('soft', 10, 'soft'),
    limit('softer', 12, 'soft'),
    limit('shadow', 5, 'shadow'),
  ];
  const statesAt = (used: number, cost: number, granted = true) =>
    limitStates(
      limits,
      limits.map(() => counted(used)),
      ownUnits(cost),
      granted,
    );

  test.each<[number, number, number]>([
    // used before, cost: overage
    [3, 7, 0],
    [9, 1, 0],
    [9, 2, 1],
    [10, 4, 4],
    // Of several soft limits the most; never more than the request's own cost.
    [14, 3, 3],
    [0, 13, 3],
    [10, 0, 0],
  ])('with %d used a cost of %d is %d above the soft limits', (used, cost, overage) => {
    expect(overageOf(statesAt(used, cost), cost)).toBe(overage);
  });

  test('a hard limit and a shadow limit have no overage', () => {
    expect(
      overageOf(
        limitStates([limit('hard', 1), limit('s', 1, 'shadow')], [counted(5), counted(5)], ownUnits(3), true),
        3,
      ),
    ).toBe(0);
  });

  test('what did not fit is said of each; only the hard ones refuse, and only the shadow ones would have', () => {
    const limitsOf = (used: number, allowed: boolean) => ({ limits: statesAt(used, 1, allowed), allowed });
    const names = (states: readonly { name: string }[]) => states.map((one) => one.name);
    const passed = limitsOf(12, true);
    expect(passed.limits.map((one) => one.violated)).toEqual([false, true, true, true]);
    expect(names(refusingLimits(passed))).toEqual([]);
    expect(names(shadowRefusals(passed))).toEqual(['shadow']);
    const refused = limitsOf(20, false);
    expect(names(refusingLimits(refused))).toEqual(['hard']);
    // What a hard limit refuses the shadow need not tell.
    expect(names(shadowRefusals(refused))).toEqual([]);
  });
});

test('a cost can never pass a hard limit that is smaller; 0, unlimited, soft and shadow are not meant', () => {
  const limits = [limit('minute', 5), limit('hour', 6), limit('day', 0), limit('month', 'unlimited')];
  expect(limitsBelowCost(limits, ownUnits(5))).toEqual([]);
  expect(limitsBelowCost(limits, ownUnits(6)).map((one) => one.name)).toEqual(['minute']);
  expect(limitsBelowCost(limits, ownUnits(7)).map((one) => one.name)).toEqual(['minute', 'hour']);
  expect(limitsBelowCost([limit('a', 5, 'soft'), limit('b', 5, 'shadow')], ownUnits(6))).toEqual([]);
});

test('a refused request may come back when the last limit that refused it has room', () => {
  const limits = [limit('minute', 5), limit('hour', 5), limit('day', 9), limit('shadow', 1, 'shadow')];
  const decisionOf = (cost: number, granted: boolean): Decision => ({
    ...decisionWithoutStore({ outcome: 'denied', tenantId: 't', cost }, { decidedAtMs: 12, usageDate: '1970-01-01' }),
    outcome: granted ? 'admitted' : 'denied',
    allowed: granted,
    limits: limitStates(
      limits,
      [counted(5, 20), counted(5, 300), counted(5, 4000), counted(5, 90_000)],
      ownUnits(cost),
      granted,
    ),
  });
  expect(retryAfterMs(decisionOf(1, false))).toBe(288);
  expect(retryAfterMs(decisionOf(5, false))).toBe(3988);
  expect(retryAfterMs(decisionOf(0, true))).toBe(0);
});
