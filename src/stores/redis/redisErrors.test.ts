import { describe, expect, test } from 'vitest';
import { chargeError, isNoMaster, mayHaveForgotten, redirectOf, unavailable } from './redisErrors.js';

describe('an error of Redis', () => {
  test.each([
    // Refused before the script ran, or by its first write.
    ['CLUSTERDOWN The cluster is down', 'counter_store_unavailable', true],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'counter_store_unavailable', true],
    ["READONLY You can't write against a read only replica.", 'counter_store_unavailable', true],
    ['MASTERDOWN Link with MASTER is down', 'counter_store_unavailable', true],
    ['MOVED 3999 127.0.0.1:6381', 'counter_store_unavailable', true],
    // About one key: the others are as they were.
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'counter_store_unavailable', false],
    // May come from what follows the write, or from no server at all.
    ['ERR something', 'counter_store_timeout', true],
    ['Socket closed unexpectedly', 'counter_store_timeout', true],
    ['Connection is closed.', 'counter_store_timeout', true],
  ])('"%s" says %s, and whether the store may have forgotten: %s', (message, code, forgotten) => {
    const error = new Error(message);
    expect(chargeError(error).code).toBe(code);
    expect(mayHaveForgotten(error)).toBe(forgotten);
  });

  test('of what was not sent says nothing of the store: the connection does', () => {
    expect(mayHaveForgotten(unavailable('not sent'))).toBe(false);
  });

  test('names a server that is no master', () => {
    expect(isNoMaster(new Error("READONLY You can't write"))).toBe(true);
    expect(isNoMaster(new Error('LOADING Redis is loading'))).toBe(false);
  });

  test.each([
    ['MOVED 3999 127.0.0.1:6381', { kind: 'MOVED', address: '127.0.0.1:6381' }],
    ['ASK 3999 ::1:6381', { kind: 'ASK', address: '::1:6381' }],
    ['MOVED 3999 node-1.example.com:6381', { kind: 'MOVED', address: 'node-1.example.com:6381' }],
    ['MOVED 3999 :6381', { kind: 'MOVED', address: ':6381' }],
    ['MOVED', undefined],
    ['ASKING is not allowed', undefined],
    ['a text that quotes MOVED 3999 127.0.0.1:6381', undefined],
  ])('"%s" leads to %o', (message, redirect) => {
    expect(redirectOf(new Error(message))).toEqual(redirect);
  });

  test('that is no Error leads nowhere', () => {
    expect(redirectOf('MOVED 3999 127.0.0.1:6381')).toBeUndefined();
  });
});
