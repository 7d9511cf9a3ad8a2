import { expect, test } from 'vitest';
import { Waits } from './waits.js';

test('waits that are over together, since the event loop was busy, end in the order of their ends', async () => {
  // The clock stands until all have begun: on a busy machine their ends would otherwise come in another order.
  let now = 1_000;
  const waits = new Waits({ monotonicMs: () => now });
  const ended: number[] = [];
  await new Promise<void>((resolve) => {
    for (const waitMs of [30, 10, 20])
      waits.begin(waitMs, () => {
        ended.push(waitMs);
        if (ended.length === 3) resolve();
      });
    now += 40;
  });
  expect(ended).toEqual([10, 20, 30]);
});

test('one that is settled by the end of another does not end any more', async () => {
  let now = 1_000;
  const waits = new Waits({ monotonicMs: () => now });
  const later = waits.begin(11, () => expect.fail('it was settled'));
  await new Promise<void>((resolve) => {
    waits.begin(10, () => {
      expect(waits.settle(later)).toBe(true);
      resolve();
    });
    now += 20;
  });
});
