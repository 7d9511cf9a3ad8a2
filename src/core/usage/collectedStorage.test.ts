import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { readCollectedPair } from './collectedStorage.js';

const shown = (value: unknown): string => inspect(value, { maxStringLength: 40 });
const MAX = Number.MAX_SAFE_INTEGER;
const level = (tenantId: string, bytes: number, saturated = false) => ({ kind: 'level', tenantId, bytes, saturated });

const LEVELS: readonly (readonly [unknown, unknown])[] = [
  // Whatever a driver gives for int8 and numeric.
  [['acme', 5], level('acme', 5)],
  [['acme', 5n], level('acme', 5)],
  [['acme', '5'], level('acme', 5)],
  [['acme', '5.000'], level('acme', 5)],
  [['acme', '0'], level('acme', 0)],
  [['acme', -0], level('acme', 0)],
  // A tenant's id as an app's tables hold it.
  [[17, 1], level('17', 1)],
  [[17n, 1], level('17', 1)],
  [['acme', 5, 'more columns'], level('acme', 5)],
  // At the end of what can be counted, and beyond.
  [['acme', MAX], level('acme', MAX)],
  [['acme', String(MAX)], level('acme', MAX)],
  [['acme', BigInt(MAX) + 1n], level('acme', MAX, true)],
  [['acme', '9007199254740992'], level('acme', MAX, true)],
  [['acme', 1e300], level('acme', MAX, true)],
  [['acme', '9'.repeat(400)], level('acme', MAX, true)],
];
for (const [pair, expected] of LEVELS) {
  test(`${shown(pair)} is a level`, () => expect(readCollectedPair(pair)).toEqual(expected));
}

const NO_AMOUNTS: readonly unknown[] = [
  undefined,
  null,
  -1,
  -1n,
  '-1',
  1.5,
  '1.5',
  '1e3',
  'NaN',
  'Infinity',
  '',
  ' 5',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  {},
  '9'.repeat(1_001),
];
for (const amount of NO_AMOUNTS) {
  test(`an amount ${shown(amount)} leaves the tenant as it was`, () => {
    expect(readCollectedPair(['acme', amount])).toEqual({ kind: 'no_amount', tenantId: 'acme' });
  });
}

const NO_TENANTS: readonly unknown[] = [
  ['', 5],
  ['..', 5],
  ['a\0b', 5],
  ['\ud800', 5],
  ['x'.repeat(257), 5],
  [undefined, 5],
  [null, 5],
  [1.5, 5],
  [{}, 5],
  [],
  { tenantId: 'acme', bytes: 5 },
  'acme',
  undefined,
];
for (const pair of NO_TENANTS) {
  test(`${shown(pair)} is of no tenant`, () => expect(readCollectedPair(pair)).toEqual({ kind: 'no_tenant' }));
}
