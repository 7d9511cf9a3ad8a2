import { describe, expect, it } from 'vitest';
import type { Meters } from '../meter.js';
import { DEFAULT_PLANS } from './plans.js';
import { readPlans } from './readPlans.js';

const faultsOf = (value: unknown) =>
  readPlans(value, 'plans').faults.map((fault) => `${fault.location}: ${fault.message}`);

describe('plans', () => {
  it('reads an object or a Map, and puts the shortest window first', () => {
    const limits = [
      { name: 'month', limit: 'unlimited', window: 'month' },
      { name: 'per-export', limit: 5, window: 'day' },
      { name: 'minute', limit: 0, window: 'minute' },
    ];
    for (const value of [{ team: limits }, new Map([['team', limits]])]) {
      const { plans, faults } = readPlans(value, 'plans');
      expect(faults).toEqual([]);
      expect(plans.get('team')?.map((limit) => limit.name)).toEqual(['minute', 'per-export', 'month']);
    }
    expect(limits[0]?.name).toBe('month');
  });

  it('keeps a plan without limits: everything is unlimited there', () => {
    expect(readPlans({ internal: [] }, 'plans')).toEqual({ plans: new Map([['internal', []]]), faults: [] });
  });

  it.each([
    ['no object', 5, 'plans: expected an object of plan name to a list of limits, got 5'],
    ['no plan at all', {}, 'plans: expected an object of plan name to a list of limits, got no plan'],
    ['no array', { free: 60 }, 'plans.free: expected a list of at most 16 limits, got 60'],
    ['an object', { free: { day: 60 } }, 'plans.free: expected a list of at most 16 limits, got an object'],
    ['no limit', { free: [60] }, 'plans.free[0]: expected { name, limit, window, enforce?, meter? }, got 60'],
    [
      'a name that no header can carry',
      { free: [{ name: 'Per Export', limit: 1, window: 'day' }] },
      'plans.free[0].name: expected a name such as "per-export" (a letter, then at most 31 of a-z, 0-9 and -), got "Per Export"',
    ],
    [
      "a window's name on another window",
      { free: [{ name: 'day', limit: 1, window: 'hour' }] },
      'plans.free[0].window: expected "day", as the limit has that window\'s name, got "hour"',
    ],
    [
      'a sliding window with the name of a fixed one',
      { free: [{ name: 'minute', limit: 1, window: { seconds: 60 } }] },
      'plans.free[0].window: expected "minute", as the limit has that window\'s name, got an object',
    ],
    [
      'a meter that nobody declared',
      { free: [{ name: 'tokens', limit: 1, window: 'day', meter: 'tokens' }] },
      'plans.free[0].meter: unknown meter: no counter is declared',
    ],
    [
      'a field that nobody knows',
      { free: [{ name: 'day', limit: 1, window: 'day', enforced: 'soft' }] },
      'plans.free[0].enforced: unknown: expected one of name, limit, window, enforce, meter',
    ],
    [
      'an enforcement that is none',
      { free: [{ name: 'day', limit: 1, window: 'day', enforce: 'strict' }] },
      'plans.free[0].enforce: expected one of hard, soft, shadow, got "strict"',
    ],
    [
      'a second length of a sliding window',
      { free: [{ name: 'burst', limit: 1, window: { seconds: 1, minutes: 1 } }] },
      'plans.free[0].window.minutes: expected seconds alone, got 1',
    ],
    [
      'one name twice',
      {
        free: [
          { name: 'a', limit: 1, window: 'day' },
          { name: 'a', limit: 2, window: 'hour' },
        ],
      },
      'plans.free[1].name: "a" is there twice',
    ],
  ])('refuses %s', (_reason, value, message) => {
    expect(faultsOf(value)).toEqual([message]);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, undefined, null, 1n])(
    'refuses %s as a number of units, with the allowed range',
    (limit) => {
      expect(faultsOf({ free: [{ name: 'day', limit, window: 'day' }] })).toEqual([
        `plans.free[0].limit: expected a whole number from 0 to 9007199254740991 or "unlimited", got ${limit}`,
      ]);
    },
  );

  it.each([0, -1, 1.5, 86_401, Number.NaN, Number.POSITIVE_INFINITY, undefined, null])(
    'refuses a sliding window of %s seconds, with the allowed range',
    (seconds) => {
      expect(faultsOf({ free: [{ name: 'burst', limit: 1, window: { seconds } }] })).toEqual([
        `plans.free[0].window.seconds: expected a whole number from 1 to 86400, got ${seconds}`,
      ]);
    },
  );

  it('reads sliding windows and enforcements, and places a sliding one by its seconds', () => {
    const span = { seconds: 86_400 };
    const limits = [
      { name: 'rolling-day', limit: 9, window: span, enforce: 'shadow' },
      { name: 'minute', limit: 2, window: 'minute', enforce: 'hard' },
      { name: 'burst', limit: 1, window: { seconds: 10 } },
      { name: 'hour', limit: 5, window: 'hour', enforce: 'soft' },
    ];
    const { plans, faults } = readPlans({ team: limits }, 'plans');
    expect(faults).toEqual([]);
    span.seconds = 1;
    expect(plans.get('team')).toEqual([
      { name: 'burst', limit: 1, window: { seconds: 10 } },
      { name: 'minute', limit: 2, window: 'minute', enforce: 'hard' },
      { name: 'hour', limit: 5, window: 'hour', enforce: 'soft' },
      { name: 'rolling-day', limit: 9, window: { seconds: 86_400 }, enforce: 'shadow' },
    ]);
  });

  it('reads as many limits as are allowed, of one window too, and refuses one more', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `export-${index}`, limit: index, window: 'day' }));
    expect(faultsOf({ 'Großkunde 2 (EU)': many(16) })).toEqual([]);
    expect(faultsOf({ free: many(17) })).toEqual(['plans.free: expected a list of at most 16 limits, got 17 of them']);
  });

  it('names every fault at once', () => {
    expect(faultsOf({ '': [], free: [{ name: 'x', limit: -1, window: 'year' }] })).toHaveLength(3);
  });

  it('has free, pro and enterprise where nothing is configured', () => {
    expect([...DEFAULT_PLANS].map(([name, limits]) => [name, ...limits.map((limit) => limit.limit)])).toEqual([
      ['free', 60, 5_000],
      ['pro', 300, 50_000],
      ['enterprise', 1_000, 500_000],
    ]);
  });
});

describe('limits on meters', () => {
  const meters: Meters = new Map([
    ['tokens', { kind: 'counter', unit: 'token' }],
    ['seats', { kind: 'level', unit: 'seat' }],
  ]);
  const limit = (more: object) => ({ name: 'budget', limit: 5, window: 'day', ...more });
  const faultsOf = (more: object) =>
    readPlans({ free: [limit(more)] }, 'plans', meters).faults.map(
      ({ location, message }) => `${location}: ${message}`,
    );

  it('count a declared counter', () => {
    const { plans, faults } = readPlans({ free: [limit({ meter: 'tokens' })] }, 'plans', meters);
    expect([plans.get('free'), faults]).toEqual([[limit({ meter: 'tokens' })], []]);
  });

  it.each([
    ['rows', 'plans.free[0].meter: unknown meter: expected one of tokens'],
    ['seats', 'plans.free[0].meter: seats is a level: only counters can be charged'],
    ['constructor', 'plans.free[0].meter: unknown meter: expected one of tokens'],
    [7, 'plans.free[0].meter: expected the name of a meter, got 7'],
  ])('refuse the meter %s', (meter, fault) => {
    expect(faultsOf({ meter })).toEqual([fault]);
  });

  it('may not have the name of a window: the day of own units labels every decision', () => {
    expect(faultsOf({ name: 'day', meter: 'tokens' })).toEqual([
      `plans.free[0].name: expected a name of its own such as "tokens-day": "day" counts the quota's own units`,
    ]);
  });
});
