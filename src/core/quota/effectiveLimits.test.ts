// Which limits hold: plan, overrides with and without an end, and what is enforced of them.
import { describe, expect, test } from 'vitest';
import { effectiveLimits, firstEndMs, type LimitOverride } from './effectiveLimits.js';
import type { Limit } from './limit.js';

const NOW = Date.UTC(2026, 10, 24, 12);
const PLANNED: readonly Limit[] = [
  { name: 'burst', limit: 5, window: { seconds: 10 }, enforce: 'soft' },
  { name: 'minute', limit: 60, window: 'minute' },
  { name: 'per-export', limit: 'unlimited', window: 'day', enforce: 'shadow' },
];
const own = (limit: LimitOverride['limit'], untilMs?: number): LimitOverride => ({ limit, untilMs });
const held = (overrides: Record<string, LimitOverride>, options: { nowMs?: number; enforced?: boolean } = {}) =>
  effectiveLimits({
    planned: PLANNED,
    planSource: 'plan',
    overrides: new Map(Object.entries(overrides)),
    nowMs: NOW,
    enforced: true,
    ...options,
  });
const shown = (limits: ReturnType<typeof held>) => limits.map((one) => [one.name, one.limit, one.source, one.enforce]);

test('without overrides the plan holds, and what says nothing of its enforcement is hard', () => {
  expect(shown(held({}))).toEqual([
    ['burst', 5, 'plan', 'soft'],
    ['minute', 60, 'plan', 'hard'],
    ['per-export', 'unlimited', 'plan', 'shadow'],
  ]);
});

test('an override replaces the number and nothing else, a window that the plan leaves open becomes a hard limit', () => {
  const overrides = { week: own(7), burst: own(9), 'per-export': own(0), hour: own(8), elsewhere: own(1) };
  expect(shown(held(overrides))).toEqual([
    ['burst', 9, 'override', 'soft'],
    ['minute', 60, 'plan', 'hard'],
    ['hour', 8, 'override', 'hard'],
    ['per-export', 0, 'override', 'shadow'],
    ['week', 7, 'override', 'hard'],
  ]);
  expect(held(overrides)[0]?.window).toEqual({ seconds: 10 });
});

describe('an override with an end', () => {
  const overrides = { minute: own(100, NOW + 1), week: own(7, NOW + 2) };

  test('holds until the instant before it, and then the plan does', () => {
    const at = (nowMs: number) => held(overrides, { nowMs }).map((one) => [one.name, one.limit, one.untilMs]);
    expect(at(NOW)).toEqual([
      ['burst', 5, undefined],
      ['minute', 100, NOW + 1],
      ['per-export', 'unlimited', undefined],
      ['week', 7, NOW + 2],
    ]);
    expect(at(NOW + 1)).toEqual([
      ['burst', 5, undefined],
      ['minute', 60, undefined],
      ['per-export', 'unlimited', undefined],
      ['week', 7, NOW + 2],
    ]);
    expect(at(NOW + 2).map(([name]) => name)).toEqual(['burst', 'minute', 'per-export']);
  });

  test('says when the next change comes by itself', () => {
    const all = new Map(Object.entries({ ...overrides, day: own(5) }));
    expect([NOW, NOW + 1, NOW + 2].map((nowMs) => firstEndMs(all, nowMs))).toEqual([NOW + 1, NOW + 2, Infinity]);
  });
});

test('where nothing is enforced a hard limit is a shadow of itself, an override too; soft stays soft', () => {
  expect(shown(held({ week: own(7), minute: own(1) }, { enforced: false }))).toEqual([
    ['burst', 5, 'plan', 'soft'],
    ['minute', 1, 'override', 'shadow'],
    ['per-export', 'unlimited', 'plan', 'shadow'],
    ['week', 7, 'override', 'shadow'],
  ]);
});
