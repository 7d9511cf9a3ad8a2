// Days of a few seconds, so that every case can be counted by hand, and by an oracle that asks each second.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CARRY_MS, integrateDay, type StorageDay, type StorageLevel, type StoragePoint } from './storageIntegral.js';

const point = (atSeconds: number, bytes: number, id = 'a'): StoragePoint => ({ atSeconds, bytes, id });
const DAY = { start: 1_000_000_000_000, end: 1_000_000_010_000 };
const START = DAY.start / 1000;
/** Age of a point, in seconds, at which its level ends with this many seconds of the day gone. */
const endingAt = (seconds: number): number => START + seconds - CARRY_MS / 1000;

const dayOf = (
  byteSeconds: number,
  covered: number,
  peakBytes: number,
  lastBytes: number,
  lastAtSeconds: number,
): StorageDay => ({
  byteMs: BigInt(byteSeconds) * 1000n,
  coveredMs: covered * 1000,
  peakBytes,
  lastBytes,
  lastAtSeconds,
});

describe('a day of ten seconds', () => {
  test.each<[string, StoragePoint[], StorageLevel | undefined, StorageDay | undefined]>([
    ['nothing known', [], undefined, undefined],
    ['a point at its start', [point(START, 5)], undefined, dayOf(50, 10, 5, 5, START)],
    ['a point within: known from there', [point(START + 4, 5)], undefined, dayOf(30, 6, 5, 5, START + 4)],
    ['a point in its last second', [point(START + 9, 5)], undefined, dayOf(5, 1, 5, 5, START + 9)],
    ['points at its end or before it are not of it', [point(START + 10, 5), point(START - 1, 7)], undefined, undefined],
    ['two points', [point(START + 2, 5), point(START + 7, 1)], undefined, dayOf(28, 8, 5, 1, START + 7)],
    ['zero bytes are known', [point(START, 0)], undefined, dayOf(0, 10, 0, 0, START)],
    // Of two points in one second the later id wins, in whatever order they come.
    ['one second, later id last', [point(START, 5, 'a'), point(START, 8, 'b')], undefined, dayOf(80, 10, 8, 8, START)],
    ['one second, later id first', [point(START, 8, 'b'), point(START, 5, 'a')], undefined, dayOf(80, 10, 8, 8, START)],
    // The level carried in holds until the first point, and counts for the peak.
    ['carried in', [], { bytes: 9, atSeconds: START - 60 }, dayOf(90, 10, 9, 9, START - 60)],
    [
      'carried in, then a point',
      [point(START + 4, 5)],
      { bytes: 9, atSeconds: START - 60 },
      dayOf(66, 10, 9, 5, START + 4),
    ],
    ['replaced at the very start', [point(START, 5)], { bytes: 9, atSeconds: START - 60 }, dayOf(50, 10, 5, 5, START)],
    // It ends exactly 35 days after its own point.
    ['ends in the day', [], { bytes: 9, atSeconds: endingAt(3) }, dayOf(27, 3, 9, 9, endingAt(3))],
    ['ends with the day', [], { bytes: 9, atSeconds: endingAt(10) }, dayOf(90, 10, 9, 9, endingAt(10))],
    ['ends as the day begins', [], { bytes: 9, atSeconds: endingAt(0) }, undefined],
    ['ended before', [point(START + 4, 5)], { bytes: 9, atSeconds: endingAt(-1) }, dayOf(30, 6, 5, 5, START + 4)],
    [
      'ends in the day, a point comes later',
      [point(START + 7, 5)],
      { bytes: 9, atSeconds: endingAt(3) },
      dayOf(42, 6, 9, 5, START + 7),
    ],
  ])('%s', (_, points, levelBefore, expected) => {
    expect(integrateDay(points, levelBefore, DAY)).toEqual(expected);
  });

  test.each<[string, number, StorageDay | undefined]>([
    ['in mid-second', 4500, { ...dayOf(0, 0, 5, 5, START + 2), byteMs: 12_500n, coveredMs: 2500 }],
    ['at a point: that has not begun', 7000, dayOf(25, 5, 5, 5, START + 2)],
    ['before all points', 2000, undefined],
    ['before the day', -1, undefined],
    ['after the day', 99_000, dayOf(28, 8, 5, 1, START + 7)],
  ])('up to now, %s', (_, until, expected) => {
    const points = [point(START + 2, 5), point(START + 7, 1)];
    expect(integrateDay(points, undefined, DAY, DAY.start + until)).toEqual(expected);
  });
});

test('a petabyte over a day of 25 hours is exact', () => {
  const day = { start: 0, end: 25 * 3_600_000 };
  expect(integrateDay([point(0, Number.MAX_SAFE_INTEGER)], undefined, day)?.byteMs).toBe(
    BigInt(Number.MAX_SAFE_INTEGER) * 90_000_000n,
  );
});

/** Asks every second which level holds: the last one set by then, if not too old. */
function bySeconds(
  points: readonly StoragePoint[],
  before: StorageLevel | undefined,
  untilSeconds: number,
): StorageDay | undefined {
  let level: StorageLevel | undefined = before;
  let last: StorageLevel | undefined;
  let byteSeconds = 0;
  let covered = 0;
  let peak = 0;
  for (let second = START; second < untilSeconds; second += 1) {
    const now = points.filter((one) => one.atSeconds === second);
    for (const one of now) if (now.every((other) => other.id <= one.id)) level = one;
    if (level === undefined || second >= level.atSeconds + CARRY_MS / 1000) continue;
    last = level;
    byteSeconds += level.bytes;
    covered += 1;
    peak = Math.max(peak, level.bytes);
  }
  return last && dayOf(byteSeconds, covered, peak, last.bytes, last.atSeconds);
}

const somePoints = fc.uniqueArray(
  fc.record({
    atSeconds: fc.integer({ min: START, max: START + 9 }),
    bytes: fc.nat(9),
    id: fc.string({ minLength: 1 }),
  }),
  { selector: (one) => one.id, maxLength: 8 },
);
const someLevel = fc.option(
  fc.record({
    bytes: fc.nat(9),
    atSeconds: fc.oneof(fc.constant(START - 1), fc.integer({ min: -2, max: 12 }).map(endingAt)),
  }),
  { nil: undefined },
);

test('each second counts with the level that holds in it, in whatever order the points arrived', () => {
  const arrival = somePoints.chain((points) =>
    fc.tuple(fc.constant(points), fc.shuffledSubarray(points, { minLength: points.length })),
  );
  fc.assert(
    fc.property(arrival, someLevel, fc.integer({ min: 0, max: 12 }), ([points, arrived], before, until) => {
      const expected = bySeconds(points, before, Math.min(START + until, START + 10));
      expect(integrateDay(arrived, before, DAY, DAY.start + until * 1000)).toEqual(expected);
      expect(integrateDay(points, before, DAY, DAY.start + until * 1000)).toEqual(expected);
    }),
    { numRuns: 1000 },
  );
});

test('a day cut in two gives the same in sum, the level carried from one part to the other', () => {
  fc.assert(
    fc.property(somePoints, someLevel, fc.integer({ min: 1, max: 9 }), (points, before, cut) => {
      const middle = DAY.start + cut * 1000;
      const first = integrateDay(points, before, { start: DAY.start, end: middle });
      const level = first === undefined ? before : { bytes: first.lastBytes, atSeconds: first.lastAtSeconds };
      const second = integrateDay(points, level, { start: middle, end: DAY.end });
      const whole = integrateDay(points, before, DAY);
      expect((first?.byteMs ?? 0n) + (second?.byteMs ?? 0n)).toBe(whole?.byteMs ?? 0n);
      expect((first?.coveredMs ?? 0) + (second?.coveredMs ?? 0)).toBe(whole?.coveredMs ?? 0);
      expect(Math.max(first?.peakBytes ?? 0, second?.peakBytes ?? 0)).toBe(whole?.peakBytes ?? 0);
    }),
  );
});
