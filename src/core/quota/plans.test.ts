import { describe, expect, it } from 'vitest';
import { DEFAULT_PLANS, readPlans } from './plans.js';

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
    ['no object', 5, 'plans: expected an object of plan name to limits, got 5'],
    ['no plan at all', {}, 'plans: expected an object of plan name to limits, got an object'],
    ['no array', { free: 60 }, 'plans.free: expected at most 16 limits, got 60'],
    ['no limit', { free: [60] }, 'plans.free[0]: expected { name, limit, window }, got 60'],
    [
      'a name that no header can carry',
      { free: [{ name: 'Per Export', limit: 1, window: 'day' }] },
      'plans.free[0].name: expected a name such as "per-export", got "Per Export"',
    ],
    [
      "a window's name on another window",
      { free: [{ name: 'day', limit: 1, window: 'hour' }] },
      'plans.free[0].window: expected "day", as the limit has that window\'s name, got "hour"',
    ],
    [
      'a field that this version would not obey',
      { free: [{ name: 'day', limit: 1, window: 'day', enforce: 'soft' }] },
      'plans.free[0].enforce: this version knows only name, limit and window',
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

  it.each([-1, 0.5, 2 ** 53, '60', Number.NaN])('refuses %s as a number of units', (limit) => {
    expect(faultsOf({ free: [{ name: 'day', limit, window: 'day' }] })).toHaveLength(1);
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
