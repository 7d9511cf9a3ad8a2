import { expect, test } from 'vitest';
import { bookingKey } from './bookingKey.js';

const hex = (...texts: string[]) => bookingKey(...texts).toString('hex');

test('a key has 16 bytes and is the same for the same texts, whatever their length', () => {
  const long = '漢'.repeat(2_000);
  expect(bookingKey(long)).toHaveLength(16);
  expect(hex(long, 'a')).toBe(hex(long, 'a'));
});

test('texts do not run together, nor does their number', () => {
  const lists = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc'], ['a', 'b', 'c'], ['é'], ['e\u0301']];
  expect(new Set(lists.map((texts) => hex(...texts))).size).toBe(lists.length);
});
