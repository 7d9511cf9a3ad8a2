import { describe, expect, test } from 'vitest';
import type { Meters } from '../meter.js';
import { adjustedFigure, adjustmentFaults, shownOf } from './adjustments.js';

const GOOD = { date: '2024-02-29', meter: 'api_calls', delta: -3, reason: 'counted twice' };
const METERS: Meters = new Map([
  ['tokens', { kind: 'counter', unit: 'token' }],
  ['seats', { kind: 'level', unit: 'seat' }],
]);
const faults = (change: Readonly<Record<string, unknown>>) =>
  adjustmentFaults({ ...GOOD, ...change }, '2024-03-01', METERS).map((fault) => fault.location);

describe('a correction', () => {
  test('may be of any day up to today, up or down', () => {
    for (const change of [{}, { date: '2024-03-01' }, { date: '0001-01-01' }, { delta: Number.MAX_SAFE_INTEGER }]) {
      expect(faults(change)).toEqual([]);
    }
  });

  test.each([
    ['date', '2024-03-02'],
    ['date', '2024-02-30'],
    ['date', '2024-2-29'],
    ['date', undefined],
    ['date', 20240229],
    // What is distinct, or an average, has no number that could be added.
    ['meter', 'active_users'],
    ['meter', 'storage_bytes'],
    ['meter', ''],
    ['meter', undefined],
    // An average over time, of a level as of storage, is no sum.
    ['meter', 'seats'],
    ['meter', 'storage_bytes'],
    ['meter', 'rows'],
    ['delta', 0],
    ['delta', 1.5],
    ['delta', -(2 ** 53)],
    ['delta', '3'],
    ['delta', Number.NaN],
    ['reason', ' '],
    ['reason', 'a\0b'],
    ['reason', 'x'.repeat(501)],
  ])('is refused at %s for %j', (location, value) => {
    expect(faults({ [location]: value })).toEqual([location]);
  });

  test('is told all that is wrong with it at once', () => {
    expect(adjustmentFaults({}, '2024-03-01', METERS).map((fault) => fault.location)).toEqual([
      'date',
      'meter',
      'delta',
      'reason',
    ]);
  });
});

describe('a corrected figure', () => {
  test.each([
    [100, -30, 70, false],
    [100, -100, 0, false],
    [100, -101, 0, true],
    [0, 5, 5, false],
    [Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER, false],
  ])('of %d and %d is shown as %d', (recorded, delta, shown, belowZero) => {
    const figure = adjustedFigure(recorded, delta);
    expect(shownOf(figure)).toBe(shown);
    expect(figure).toEqual({ recorded, delta, belowZero });
  });
});
