import { describe, expect, test } from 'vitest';
import { DemandRate } from './demandRate.js';

/** A rate that has seen `perSecond` units a second for `seconds`, one request a unit, up to its last one. */
function steady(perSecond: number, seconds: number): { rate: DemandRate; now: number } {
  const rate = new DemandRate();
  let now = 1_000;
  for (let request = 0; request < perSecond * seconds; request += 1) {
    now = 1_000 + (request * 1_000) / perSecond;
    rate.add(1, now);
  }
  return { rate, now };
}

describe('the wanted block', () => {
  test.each([20, 100, 5_000])('at %d a second lasts a second, and not two', (perSecond) => {
    for (const seconds of [1, 2, 3.7]) {
      const { rate, now } = steady(perSecond, seconds);
      expect(rate.unitsWithin(1_000, now)).toBeGreaterThanOrEqual(perSecond);
      expect(rate.unitsWithin(1_000, now)).toBeLessThanOrEqual(2 * perSecond);
    }
  });

  test('is none for a tenant that asks seldom, its first request included', () => {
    const rate = new DemandRate();
    for (let second = 0; second < 10; second += 1) {
      rate.add(1, second * 1_000);
      expect(rate.unitsWithin(1_000, second * 1_000)).toBe(0);
    }
  });

  test('follows a burst within the second, and falls to none when the burst is over', () => {
    const rate = new DemandRate();
    for (let request = 0; request < 200; request += 1) rate.add(1, request);
    expect(rate.unitsWithin(1_000, 200)).toBeGreaterThanOrEqual(200);
    expect(rate.unitsWithin(1_000, 2_200)).toBe(0);
  });

  test('counts units, not requests', () => {
    const rate = new DemandRate();
    for (let request = 0; request < 20; request += 1) rate.add(50, request * 50);
    expect(rate.unitsWithin(1_000, 950)).toBeGreaterThanOrEqual(1_000);
  });
});

test('a tenant is idle two seconds after its last count began', () => {
  const rate = new DemandRate();
  expect(rate.isIdle(0)).toBe(true);
  rate.add(1, 1_000);
  expect([rate.isIdle(3_000), rate.isIdle(3_001)]).toEqual([false, true]);
});
