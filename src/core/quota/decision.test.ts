import { describe, expect, test } from 'vitest';
import type { CountedWindow } from './charge.js';
import { type Decision, limitStates, limitsBelowCost, retryAfterMs } from './decision.js';
import type { EffectiveLimit } from './limit.js';

const limit = (name: string, most: number | 'unlimited'): EffectiveLimit => ({
  name,
  window: 'minute',
  limit: most,
  source: 'plan',
});
const counted = (used: number, end = 20): CountedWindow => ({ start: 10, end, used, sent: 1, provisional: false });

describe('the states of the limits after a reply', () => {
  test.each<[string, number | 'unlimited', number, number | undefined, number | undefined, boolean]>([
    // limit, used after the reply, refused cost: remaining, violated
    ['admitted', 10, 4, undefined, 6, false],
    ['admitted to the last unit', 10, 10, undefined, 0, false],
    ['refused by this limit', 10, 8, 3, 2, true],
    ['refused by another limit', 10, 8, 2, 2, false],
    ['a limit of 0', 0, 0, 1, 0, true],
    // A plan that was lowered in mid-window: nothing remains, and no negative rest is shown.
    ['used is above the limit', 10, 15, 1, 0, true],
    ['a look at a full window violates nothing', 10, 15, undefined, 0, false],
    ['unlimited', 'unlimited', 99, 5, undefined, false],
  ])('%s', (_, most, used, refusedCost, remaining, violated) => {
    expect(limitStates([limit('minute', most)], [counted(used)], refusedCost)).toEqual([
      {
        name: 'minute',
        limit: most === 'unlimited' ? undefined : most,
        used,
        remaining,
        startMs: 10,
        resetAtMs: 20,
        violated,
      },
    ]);
  });

  test('are one for each limit; the day that travels behind them is not shown', () => {
    const states = limitStates([limit('a', 1), limit('b', 2)], [counted(1), counted(1, 30), counted(9, 40)], 1);
    expect(states.map((one) => [one.name, one.resetAtMs, one.violated])).toEqual([
      ['a', 20, true],
      ['b', 30, false],
    ]);
  });
});

test('a cost can never pass a limit that is smaller; 0 and unlimited are not meant', () => {
  const limits = [limit('minute', 5), limit('hour', 6), limit('day', 0), limit('month', 'unlimited')];
  expect(limitsBelowCost(limits, 5)).toEqual([]);
  expect(limitsBelowCost(limits, 6).map((one) => one.name)).toEqual(['minute']);
  expect(limitsBelowCost(limits, 7).map((one) => one.name)).toEqual(['minute', 'hour']);
});

test('a refused request may come back when the last violated window ends', () => {
  const limits = [limit('minute', 5), limit('hour', 5), limit('day', 9)];
  const decisionOf = (refusedCost: number | undefined): Decision => ({
    outcome: refusedCost === undefined ? 'admitted' : 'denied',
    allowed: refusedCost === undefined,
    tenantId: 't',
    cost: refusedCost ?? 1,
    label: { decidedAtMs: 12, usageDate: '1970-01-01', resetNumber: 0 },
    limits: limitStates(limits, [counted(5, 20), counted(5, 300), counted(5, 4000)], refusedCost),
    exceeded: [],
    chargeUnknown: false,
  });
  expect(retryAfterMs(decisionOf(1))).toBe(288);
  expect(retryAfterMs(decisionOf(5))).toBe(3988);
  expect(retryAfterMs(decisionOf(undefined))).toBe(0);
});
