import { expect, it } from 'vitest';
import { fakeRequest } from '../../test/http/fakeRequest.js';
import { idempotencyKeyOf, requiredIdempotencyKey } from './idempotencyKey.js';

const sent = (...keys: readonly string[]) =>
  fakeRequest(
    'POST',
    keys.map((key) => ['Idempotency-Key', key] as const),
  );
const refused = (message: string) =>
  expect.objectContaining({
    code: 'invalid_request',
    faults: [{ location: 'header.idempotency-key', message: expect.stringContaining(message) }],
  });

it.each([
  ['as it was sent', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['with its quotes', '"8e03"'],
  ['with a comma', 'a, b'],
  ['of the greatest length', 'k'.repeat(255)],
])('is read %s', (_, key) => {
  expect([idempotencyKeyOf(sent(` ${key} `)), requiredIdempotencyKey(sent(key))]).toEqual([key, key]);
});

it('may be left out where it is not required', () => {
  expect(idempotencyKeyOf(sent())).toBeUndefined();
  expect(() => requiredIdempotencyKey(sent())).toThrow(refused('got none'));
});

it.each([
  ['empty', [' '], 'got none'],
  ['too long', ['k'.repeat(256)], 'got 256'],
  ['sent twice, as two keys', ['a', 'b'], 'expected one key, got 2'],
  ['sent twice, as the same', ['a', 'a'], 'expected one key, got 2'],
])('is refused where it is %s', (_, keys, message) => {
  expect(() => idempotencyKeyOf(sent(...keys))).toThrow(refused(message));
  expect(() => requiredIdempotencyKey(sent(...keys))).toThrow(refused(message));
});
