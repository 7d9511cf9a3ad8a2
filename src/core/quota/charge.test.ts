// The step of the counters, case by case. Windows are written in small numbers: a window of ten, and the store's clock at 12.
import { describe, expect, test } from 'vitest';
import { type Counters, decide, type FlooredWindow, stored, usedOf, windowOf } from '../../../test/quota/counters.js';
import type { StoredWindow } from './counter.js';

const MOST = Number.MAX_SAFE_INTEGER;

describe('a cost fits whole in every window, or nothing is charged', () => {
  test.each<[string, [number, number | undefined][], number, 'granted' | 'denied']>([
    // [used, limit] of each window, the cost
    [
      'room in all',
      [
        [3, 10],
        [8, 20],
      ],
      2,
      'granted',
    ],
    [
      'exactly the rest',
      [
        [3, 5],
        [18, 20],
      ],
      2,
      'granted',
    ],
    [
      'one unit too many in the first',
      [
        [4, 5],
        [0, 20],
      ],
      2,
      'denied',
    ],
    [
      'one unit too many in the last',
      [
        [0, 5],
        [19, 20],
      ],
      2,
      'denied',
    ],
    [
      'no room anywhere',
      [
        [5, 5],
        [20, 20],
      ],
      1,
      'denied',
    ],
    // A limit that was lowered below what was used has no room, and no negative room either.
    ['used is above the limit', [[9, 5]], 1, 'denied'],
    // 0 refuses everything.
    ['a limit of 0', [[0, 0]], 1, 'denied'],
    [
      'a limit of 0 beside room',
      [
        [0, 100],
        [0, 0],
      ],
      1,
      'denied',
    ],
    // An unlimited window counts and never denies.
    ['no limit', [[MOST, undefined]], 5, 'granted'],
    [
      'no limit beside none left',
      [
        [7, undefined],
        [5, 5],
      ],
      1,
      'denied',
    ],
    // Sums would round above 2^53; differences do not.
    ['the last unit there is', [[MOST - 1, MOST]], 1, 'granted'],
    ['one more than there is', [[MOST - 1, MOST]], 2, 'denied'],
    ['everything at once', [[0, MOST]], MOST, 'granted'],
    ['everything, and one is gone', [[1, MOST]], MOST, 'denied'],
  ])('%s: %j, cost %d: %s', (_, cases, cost, outcome) => {
    const counters = Object.fromEntries(cases.map(([used], index) => [`w${index}`, stored(10, 20, used)]));
    const windows = cases.map(([, limit], index) => windowOf(`w${index}`, limit));
    const { reply, after } = decide(counters, windows, { cost });
    expect(reply.outcome).toBe(outcome);
    const expected = cases.map(([used]) => (outcome === 'granted' ? Math.min(MOST, used + cost) : used));
    expect(usedOf(reply)).toEqual(expected);
    expect(Object.values(after).map((one) => one.used)).toEqual(expected);
  });

  test('a denial writes nothing, so that a large cost does not use up what smaller ones need', () => {
    const counters = { w: stored(10, 20, 6) };
    const large = decide(counters, [windowOf('w', 10)], { cost: 5 });
    expect(large).toMatchObject({ reply: { outcome: 'denied' }, writes: 0 });
    expect(decide(large.after, [windowOf('w', 10)], { cost: 4 }).reply.outcome).toBe('granted');
  });

  test('an unlimited count stays at 2^53-1', () => {
    expect(decide({ w: stored(10, 20, MOST - 1) }, [windowOf('w', undefined)], { cost: MOST }).after).toEqual({
      w: stored(10, 20, MOST),
    });
  });
});

describe('cost 0 looks', () => {
  test.each<[string, Counters, FlooredWindow, number]>([
    ['a full window', { w: stored(10, 20, 5) }, windowOf('w', 5), 5],
    ['a limit of 0', {}, windowOf('w', 0), 0],
    ['an absent window', {}, windowOf('w', 5), 0],
    ['a window that is over', { w: stored(0, 10, 5) }, windowOf('w', 5), 0],
    ['a window with a floor', { w: stored(10, 20, 1) }, windowOf('w', 5, { floor: { start: 10, used: 3 } }), 3],
    ['an absent window with a floor', {}, windowOf('w', 5, { fromLedger: true, floor: { start: 10, used: 3 } }), 3],
  ])('%s: always granted, with the true figure, writing nothing', (_, counters, window, used) => {
    const { reply, writes } = decide(counters, [window], { cost: 0 });
    expect(reply.outcome).toBe('granted');
    expect(usedOf(reply)).toEqual([used]);
    expect(writes).toBe(0);
  });
});

describe('a reply without an answer charges nothing', () => {
  const cold = windowOf('day', 5, { fromLedger: true });
  test.each<[string, Counters, FlooredWindow[], { timeMs?: number; deadlineMs?: number }, string]>([
    // cold: only a limited window whose sum the ledger knows can be unknown.
    ['a limited day is absent', {}, [cold], {}, 'cold'],
    [
      'a limited day is absent beside a minute that is known',
      { minute: stored(10, 20, 1) },
      [windowOf('minute', 5), cold],
      {},
      'cold',
    ],
    ['an unlimited day is absent', {}, [{ ...cold, limit: undefined }], {}, 'granted'],
    ['a limited minute is absent', {}, [windowOf('minute', 5)], {}, 'granted'],
    ['the day before is stored: this store has counted all along', { day: stored(0, 10, 5) }, [cold], {}, 'granted'],
    ['the floor is that of this window', {}, [{ ...cold, floor: { start: 10, used: 0 } }], {}, 'granted'],
    ['the floor is that of another window', {}, [{ ...cold, floor: { start: 0, used: 0 } }], {}, 'cold'],
    // clock: no window that was sent holds the store's time.
    ['the time is before all windows', {}, [windowOf('w', 5)], { timeMs: -1 }, 'clock'],
    ['the time is at the end of all windows', {}, [windowOf('w', 5)], { timeMs: 30 }, 'clock'],
    ['the time is in the first window', {}, [windowOf('w', 5)], { timeMs: 0 }, 'granted'],
    ['the time is in the last window', {}, [windowOf('w', 5)], { timeMs: 29 }, 'granted'],
    [
      'the time fits one window and not the other',
      {},
      [windowOf('v', 5), windowOf('w', 5, { starts: [-30, -20, -10], end: 0 })],
      {},
      'clock',
    ],
    // A wrong clock makes the finding "absent" meaningless.
    [
      'cold and clock: the clock is told',
      {},
      [cold, windowOf('w', 5, { starts: [-30, -20, -10], end: 0 })],
      {},
      'clock',
    ],
    // late: the deadline is the last instant at which a charge is wanted.
    ['at the deadline', {}, [windowOf('w', 5)], { deadlineMs: 12 }, 'granted'],
    ['after the deadline', {}, [windowOf('w', 5)], { deadlineMs: 11 }, 'late'],
    ['after the deadline with a wrong clock', {}, [windowOf('w', 5)], { timeMs: 99, deadlineMs: 11 }, 'late'],
  ])('%s: %s', (_, counters, windows, when, outcome) => {
    const { reply, after } = decide(counters, windows, when);
    expect(reply).toMatchObject({ outcome, timeMs: when.timeMs ?? 12 });
    if (outcome !== 'granted') expect(after).toEqual(counters);
  });
});

describe('which window is charged', () => {
  test.each<[string, Counters, number, StoredWindow, number]>([
    // what is stored, the time, what is stored after a charge of 1, and which sent window that is
    ['absent: the sent one that holds the time', {}, 12, stored(10, 20, 1), 1],
    ['absent, and the store is ahead of the caller', {}, 20, stored(20, 30, 1), 2],
    ['absent, and the store is behind the caller', {}, 9, stored(0, 10, 1), 0],
    ['the stored one, up to its end', { w: stored(10, 20, 3) }, 19, stored(10, 20, 4), 1],
    ['at its end the next', { w: stored(10, 20, 3) }, 20, stored(20, 30, 1), 2],
    // Two clocks that alternate at the edge would otherwise switch the counter back and forth.
    ['the stored one, also for a clock that is behind its start', { w: stored(10, 20, 3) }, 8, stored(10, 20, 4), 1],
    ['the stored one, also where the caller has forgotten it', { w: stored(-50, 20, 3) }, 12, stored(-50, 20, 4), -1],
    // A stored end in the midst of a sent window: it is kept, and the rest is a window of its own.
    ['a stored one that began before all and ends late: kept', { w: stored(-50, 15, 3) }, 14, stored(-50, 15, 4), -1],
    ['and afterwards the sent one, begun at the stored end', { w: stored(-50, 15, 3) }, 15, stored(15, 20, 1), 1],
    // A change of zone makes the running window end later: the stored one lasts as long, before its old end and after.
    ['a window that the caller knows to end later', { w: stored(10, 13, 3) }, 12, stored(10, 20, 4), 1],
    ['the same after its old end', { w: stored(10, 13, 3) }, 13, stored(10, 20, 4), 1],
    ['the same at its new end', { w: stored(10, 13, 3) }, 20, stored(20, 30, 1), 2],
    [
      'never the other way round: a caller that does not know it yet',
      { w: stored(10, 25, 3) },
      22,
      stored(10, 25, 4),
      1,
    ],
    // A clock jumped ahead and came back: what it wrote is later than anything meant now, and must not freeze the quota.
    ['a stored one that begins with the last sent one counts', { w: stored(20, 30, 3) }, 12, stored(20, 30, 4), 2],
    ['a stored one that begins after it counts as absent', { w: stored(21, 31, 3) }, 12, stored(10, 20, 1), 1],
    ['also far ahead', { w: stored(1000, 1010, 3) }, 12, stored(10, 20, 1), 1],
  ])('%s', (_, counters, timeMs, after, sent) => {
    const decided = decide(counters, [windowOf('w', 100)], { timeMs });
    expect(decided.after).toEqual({ w: after });
    expect(decided.reply).toMatchObject({ windows: [{ start: after.start, end: after.end, used: after.used, sent }] });
  });

  test('a limited day that was written by a clock far ahead is unknown, not zero', () => {
    const day = windowOf('day', 5, { fromLedger: true });
    expect(decide({ day: stored(21, 31, 3) }, [day]).reply.outcome).toBe('cold');
  });
});
