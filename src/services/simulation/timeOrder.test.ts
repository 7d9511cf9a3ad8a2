// Requests in the order of time: what waiting puts right, and what it cannot.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeOrder, WAIT_MS } from './timeOrder.js';

type Handed = [tenantId: string, instantMs: number];

function ordered(requests: readonly Handed[]) {
  const handed: Handed[] = [];
  const order = new TimeOrder((tenantId, instantMs) => handed.push([tenantId, instantMs]));
  for (const [tenantId, instantMs] of requests) order.add(tenantId, instantMs);
  const beforeEnd = handed.length;
  order.end();
  return { handed, late: order.late, beforeEnd };
}

it.each<[string, Handed[], Handed[], number]>([
  [
    'one after the other stay',
    [
      ['a', 1],
      ['b', 2],
    ],
    [
      ['a', 1],
      ['b', 2],
    ],
    0,
  ],
  [
    'of one instant keep the order of the log',
    [
      ['b', 1],
      ['a', 1],
      ['c', 1],
    ],
    [
      ['b', 1],
      ['a', 1],
      ['c', 1],
    ],
    0,
  ],
  [
    'a slow answer comes before what was asked later',
    [
      ['b', 9000],
      ['a', 1000],
    ],
    [
      ['a', 1000],
      ['b', 9000],
    ],
    0,
  ],
  [
    'as late as can be put right',
    [
      ['b', WAIT_MS],
      ['a', 0],
    ],
    [
      ['a', 0],
      ['b', WAIT_MS],
    ],
    0,
  ],
  // Handed on already: the clock does not go back.
  [
    'later than that counts at the instant of the one before it',
    [
      ['b', 1],
      ['c', WAIT_MS + 2],
      ['a', 0],
    ],
    [
      ['b', 1],
      ['a', 1],
      ['c', WAIT_MS + 2],
    ],
    1,
  ],
  // A broken clock wrote one line: the others are in order all the same.
  [
    'one far in the future disturbs none of the others',
    [
      ['x', 1e14],
      ['a', 1000],
      ['b', 2000],
    ],
    [
      ['a', 1000],
      ['b', 2000],
      ['x', 1e14],
    ],
    0,
  ],
])('requests %s', (_, requests, handed, late) => {
  expect(ordered(requests)).toMatchObject({ handed, late });
});

describe('laws', () => {
  const instants = fc.array(fc.integer({ min: 0, max: 3 * WAIT_MS }), { maxLength: 200 });

  it('every request is handed on once, and instants never fall', () => {
    fc.assert(
      fc.property(instants, (times) => {
        const { handed } = ordered(times.map((time, index) => [`t${index}`, time]));
        expect(new Set(handed.map(([tenantId]) => tenantId)).size).toBe(times.length);
        expect(handed).toHaveLength(times.length);
        handed.reduce((before, [, instant]) => {
          expect(instant).toBeGreaterThanOrEqual(before);
          return instant;
        }, 0);
      }),
    );
  });

  it('requests out of order by no more than the wait come as sorted, none of them late', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5000), fc.nat(WAIT_MS)), { maxLength: 300 }), (steps) => {
        let now = 0;
        const requests = steps.map(([step, behind], index): Handed => {
          now += step;
          return [`t${index}`, Math.max(0, now - behind)];
        });
        const sorted = requests.toSorted(([, a], [, b]) => a - b);
        expect(ordered(requests)).toMatchObject({ handed: sorted, late: 0 });
      }),
    );
  });
});

it('waiting has a bound in lines too', () => {
  const requests = Array.from({ length: 60_000 }, (_, index): Handed => [`t${index}`, 0]);
  const { handed, beforeEnd } = ordered(requests);
  expect(beforeEnd).toBe(10_000);
  expect(handed).toEqual(requests);
});
