import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keySlot, SLOTS } from './keySlot.js';

// That it agrees with a real server is shown where one runs: test/faults/redisCluster.test.ts.
describe('the slot of a key', () => {
  test.each([
    // The specification's own example of the checksum: 0x31C3.
    ['123456789', 12_739],
    ['', 0],
    // Only the first tag counts, and only where something stands in it.
    ['{user1000}.following', keySlot('user1000')],
    ['foo{{bar}}zap', keySlot('{bar')],
    ['foo{bar}{zap}', keySlot('bar')],
  ])('of "%s" is %i', (key, slot) => {
    expect(keySlot(key)).toBe(slot);
  });

  test('is one of the cluster, whatever the key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const slot = keySlot(key);
        expect(Number.isInteger(slot) && slot >= 0 && slot < SLOTS).toBe(true);
      }),
    );
  });

  test('foo{}{bar} has no tag: the whole key counts', () => {
    expect(keySlot('foo{}{bar}')).not.toBe(keySlot('bar'));
  });
});
