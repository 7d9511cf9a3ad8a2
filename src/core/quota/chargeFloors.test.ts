// What else a counter must count at least: the ledger's sum, and what shorter windows have counted. Small numbers as in charge.test.ts.
import { describe, expect, test } from 'vitest';
import { type Counters, decide, type FlooredWindow, stored, usedOf, windowOf } from '../../../test/quota/counters.js';
import type { StoredWindow } from './counter.js';

describe('a floor', () => {
  const withFloor = (used: number, limit = 10, more: { start?: number; provisional?: true } = {}): FlooredWindow =>
    windowOf('w', limit, { fromLedger: true, floor: { start: 10, used, ...more } });

  test.each<[string, Counters, FlooredWindow, StoredWindow]>([
    ['raises', { w: stored(10, 20, 2) }, withFloor(5), stored(10, 20, 6)],
    ['never lowers', { w: stored(10, 20, 7) }, withFloor(5), stored(10, 20, 8)],
    ['is a maximum, no sum: the same again changes nothing', { w: stored(10, 20, 5) }, withFloor(5), stored(10, 20, 6)],
    ['seeds an absent window', {}, withFloor(5), stored(10, 20, 6)],
    ['of another window is none', { w: stored(10, 20, 2) }, withFloor(5, 10, { start: 0 }), stored(10, 20, 3)],
    // provisional: the ledger was away, and 0 had to do.
    [
      'marks a window that it seeds without the ledger',
      {},
      withFloor(0, 10, { provisional: true }),
      stored(10, 20, 1, true),
    ],
    [
      'without the ledger leaves a known window known',
      { w: stored(10, 20, 2) },
      withFloor(0, 10, { provisional: true }),
      stored(10, 20, 3),
    ],
    [
      'without the ledger leaves the mark',
      { w: stored(10, 20, 2, true) },
      withFloor(0, 10, { provisional: true }),
      stored(10, 20, 3, true),
    ],
    ['with the ledger clears the mark', { w: stored(10, 20, 2, true) }, withFloor(5), stored(10, 20, 6)],
    [
      'with the ledger clears the mark, also where it is lower',
      { w: stored(10, 20, 2, true) },
      withFloor(0),
      stored(10, 20, 3),
    ],
  ])('%s', (_, counters, window, after) => {
    expect(decide(counters, [window]).after).toEqual({ w: after });
  });

  test('a charge without a floor keeps the mark, a new window has none', () => {
    const counters = { w: stored(10, 20, 2, true) };
    expect(decide(counters, [windowOf('w', 10)]).after).toEqual({ w: stored(10, 20, 3, true) });
    expect(decide(counters, [windowOf('w', 10)]).reply).toMatchObject({ windows: [{ provisional: true }] });
    expect(decide(counters, [windowOf('w', 10)], { timeMs: 20 }).after).toEqual({ w: stored(20, 30, 1) });
  });

  test.each<[string, Counters, FlooredWindow, Counters]>([
    ['raised', { w: stored(10, 20, 2) }, withFloor(10), { w: stored(10, 20, 10) }],
    ['seeded', {}, withFloor(10), { w: stored(10, 20, 10) }],
    ['cleared of its mark', { w: stored(10, 20, 10, true) }, withFloor(10), { w: stored(10, 20, 10) }],
  ])(
    'a denial keeps a window that was %s, or every denial would ask the ledger again',
    (_, counters, window, after) => {
      const decided = decide(counters, [window]);
      expect(decided.reply.outcome).toBe('denied');
      expect(decided.after).toEqual(after);
    },
  );

  test('a denial keeps the floor of the window that has room, without the cost', () => {
    const day = windowOf('day', 100, { fromLedger: true, floor: { start: 10, used: 40 } });
    expect(decide({ w: stored(10, 20, 10) }, [windowOf('w', 10), day]).after).toEqual({
      w: stored(10, 20, 10),
      day: stored(10, 20, 40),
    });
  });
});

describe('a window that is new counts at least what a window inside it has counted', () => {
  const month = windowOf('month', 10, {
    starts: [-100, 0, 100],
    end: 200,
    fromLedger: true,
    floor: { start: 0, used: 2 },
  });
  test.each<[string, Counters, FlooredWindow[], number[]]>([
    ['the ledger knows less', { day: stored(10, 20, 7) }, [windowOf('day', undefined), month], [8, 8]],
    ['in any order', { day: stored(10, 20, 7) }, [month, windowOf('day', undefined)], [8, 8]],
    ['the ledger knows more', { day: stored(10, 20, 1) }, [windowOf('day', undefined), month], [2, 3]],
    ['another one is not inside', { day: stored(-5, 20, 7) }, [windowOf('day', undefined), month], [8, 3]],
    [
      'it is known already',
      { day: stored(10, 20, 7), month: stored(0, 100, 4) },
      [windowOf('day', undefined), month],
      [8, 5],
    ],
    ['of the same length', { day: stored(10, 20, 7) }, [windowOf('daily', 10), windowOf('day', undefined)], [8, 8]],
    [
      'through a new one in between',
      { m: stored(12, 14, 7) },
      [windowOf('m', 10, { starts: [10, 12, 14], end: 16 }), windowOf('d', 10), month],
      [8, 8, 8],
    ],
  ])('%s', (_, counters, windows, used) => {
    expect(usedOf(decide(counters, windows).reply)).toEqual(used);
  });

  test('and is refused by it', () => {
    const decided = decide({ day: stored(10, 20, 10) }, [windowOf('day', undefined), month]);
    expect(decided.reply.outcome).toBe('denied');
  });
});
