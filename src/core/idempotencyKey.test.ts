import { expect, test } from 'vitest';
import { idempotencyKeyFault } from './idempotencyKey.js';

test.each([['k'], ['k'.repeat(255)], ['a b'], ['\u00fc'], ['{"a":1}'], ['\ud83d\ude00']])('%j is a key', (key) => {
  expect(idempotencyKeyFault(key)).toBeUndefined();
});

test.each([
  ['', 'got none'],
  ['k'.repeat(256), 'got 256'],
  ['a\0', 'without NUL'],
  ['a\ud800', 'lone surrogates'],
  ['\udc00a', 'lone surrogates'],
])('%j is none, and it is said why', (key, why) => {
  expect(idempotencyKeyFault(key)).toContain(why);
});
