import { expect, test } from 'vitest';
import { systemClock } from '../../ports/clock.js';
import { Waits } from './waits.js';

test('waits that are over together, since the event loop was busy, end in the order of their ends', async () => {
  const waits = new Waits(systemClock);
  const ended: number[] = [];
  await new Promise<void>((resolve) => {
    for (const waitMs of [30, 10, 20])
      waits.begin(waitMs, () => {
        ended.push(waitMs);
        if (ended.length === 3) resolve();
      });
    const busyUntil = performance.now() + 40;
    while (performance.now() < busyUntil);
  });
  expect(ended).toEqual([10, 20, 30]);
});

test('one that is settled by the end of another does not end any more', async () => {
  const waits = new Waits(systemClock);
  const later = waits.begin(11, () => expect.fail('it was settled'));
  await new Promise<void>((resolve) => {
    waits.begin(10, () => {
      expect(waits.settle(later)).toBe(true);
      resolve();
    });
    const busyUntil = performance.now() + 20;
    while (performance.now() < busyUntil);
  });
});
