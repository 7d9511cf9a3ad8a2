import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays, datesBetween } from '../time/calendar.js';
import { dayBit, daysMask, monthOf, userHashOf } from './activeDays.js';

const KEY = Buffer.alloc(32, 7);

describe('the hash of a user', () => {
  test('is HMAC-SHA256 over both ids behind their lengths in bytes, cut to 16 bytes', () => {
    const message = Buffer.concat([
      Buffer.from([0, 0, 0, 2]),
      Buffer.from('ab'),
      Buffer.from([0, 0, 0, 2]),
      Buffer.from('é'),
    ]);
    const expected = createHmac('sha256', KEY).update(message).digest().subarray(0, 16);
    expect(userHashOf(KEY, 'ab', 'é')).toEqual(expected);
  });

  test('differs where ids run together, by tenant, by user and by key', () => {
    const hashes = [
      userHashOf(KEY, 'ab', 'c'),
      userHashOf(KEY, 'a', 'bc'),
      userHashOf(KEY, 'c', 'ab'),
      userHashOf(KEY, '', 'abc'),
      userHashOf(Buffer.alloc(32, 8), 'ab', 'c'),
    ];
    expect(new Set(hashes.map((hash) => hash.toString('hex'))).size).toBe(hashes.length);
    expect(userHashOf(KEY, 'ab', 'c')).toEqual(hashes[0]);
  });
});

test.each([
  ['2024-02-01', '2024-02', 1],
  ['2024-02-29', '2024-02', 2 ** 28],
  ['2024-12-31', '2024-12', 2 ** 30],
])('%s is a bit of %s: %d', (date, month, bit) => {
  expect(monthOf(date)).toBe(month);
  expect(dayBit(date)).toBe(bit);
});

test.each([
  // month, from, to, mask: day 1 is the lowest bit
  ['2024-02', '2024-02-01', '2024-02-03', 0b111],
  ['2024-02', '2024-02-02', '2024-02-02', 0b10],
  ['2024-01', '2024-01-01', '2024-01-31', 2 ** 31 - 1],
  ['2024-01', '2023-06-01', '2024-06-30', 2 ** 31 - 1],
  ['2024-01', '2024-01-31', '2024-03-01', 2 ** 30],
  ['2024-01', '2023-12-31', '2024-01-01', 1],
  // No day of the month lies in the range.
  ['2024-01', '2024-02-01', '2024-02-29', 0],
  ['2024-01', '2023-12-01', '2023-12-31', 0],
  ['2024-01', '2024-01-10', '2024-01-09', 0],
])('of %s the days from %s to %s are %d', (month, from, to, mask) => {
  expect(daysMask(month, from, to)).toBe(mask);
});

test('a date is in a mask if and only if it lies in the range', () => {
  fc.assert(
    fc.property(fc.nat(20_000), fc.integer({ min: -5, max: 80 }), (start, length) => {
      const from = addDays('1990-01-01', start);
      const to = addDays(from, length);
      for (const date of datesBetween(addDays(from, -40), addDays(from, 120))) {
        const isIn = (daysMask(monthOf(date), from, to) & dayBit(date)) !== 0;
        expect(isIn).toBe(date >= from && date <= to);
      }
    }),
    { numRuns: 50 },
  );
});
