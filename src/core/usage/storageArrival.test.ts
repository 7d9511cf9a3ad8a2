// Levels that are set and changed, over small days, in every order of arrival: what the ledger works out, day by day from the earliest
// change on, is what asking every second gives.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { integrateDay, type StorageDay, type StorageLevel, type StoragePoint } from './storageIntegral.js';

const START = 1_000_000_000;
const DAY_SECONDS = 5;
const DAYS = 3;
const MAX = Number.MAX_SAFE_INTEGER;

const dayNumberOf = (atSeconds: number): number => Math.floor((atSeconds - START) / DAY_SECONDS);
const boundsOf = (day: number) => ({
  start: (START + day * DAY_SECONDS) * 1000,
  end: (START + (day + 1) * DAY_SECONDS) * 1000,
});

/** As the ledger does it: the days with points from the new one's day on, each from the level that the day before it left. */
class Integrated {
  readonly #points: StoragePoint[] = [];
  readonly #days = new Map<number, StorageDay>();

  arrive(point: StoragePoint): void {
    this.#points.push(point);
    const first = dayNumberOf(point.atSeconds);
    for (let day = first; day < DAYS; day += 1) {
      const points = this.#points.filter((one) => dayNumberOf(one.atSeconds) === day);
      if (points.length === 0) continue;
      const row = integrateDay(points, this.#levelBefore(day), boundsOf(day));
      if (row !== undefined) this.#days.set(day, row);
    }
  }

  /** A day without points is made when it is asked for. */
  day(day: number): StorageDay | undefined {
    return this.#days.get(day) ?? integrateDay([], this.#levelBefore(day), boundsOf(day));
  }

  #levelBefore(day: number): StorageLevel | undefined {
    const before = [...this.#days].filter(([other]) => other < day).sort(([a], [b]) => b - a)[0]?.[1];
    return before && { bytes: before.lastBytes, atSeconds: before.lastAtSeconds };
  }
}

/** The level of every second: what was set last, or what held before, and then all changes of the second. */
function levelsBySecond(points: readonly StoragePoint[]): (number | undefined)[] {
  let level: number | undefined;
  return Array.from({ length: DAYS * DAY_SECONDS }, (_, index) => {
    const now = points.filter((one) => one.atSeconds === START + index);
    const sets = now.filter((one) => one.kind !== 'add').sort((a, b) => (a.id < b.id ? 1 : -1));
    const added = now.filter((one) => one.kind === 'add').reduce((sum, one) => sum + one.bytes, 0);
    if (now.length > 0) level = Math.max(0, Math.min(MAX, (sets[0]?.bytes ?? level ?? 0) + added));
    return level;
  });
}

const somePoint: fc.Arbitrary<StoragePoint> = fc
  .record({
    // Few seconds, so that points meet in one.
    atSeconds: fc.integer({ min: 0, max: DAYS * DAY_SECONDS - 1 }).map((second) => START + second),
    bytes: fc.integer({ min: -9, max: 9 }),
    isSet: fc.boolean(),
    id: fc.uuid({ version: 7 }),
  })
  .map(({ atSeconds, bytes, isSet, id }) =>
    isSet ? { atSeconds, bytes: Math.abs(bytes), id } : { atSeconds, bytes, id: '', kind: 'add' },
  );

function* ordersOf<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of ordersOf(items.filter((_, other) => other !== index))) yield [item, ...rest];
  }
}

test('in every order of arrival each day is what its seconds give', () => {
  fc.assert(
    fc.property(fc.array(somePoint, { minLength: 1, maxLength: 5 }), (points) => {
      const levels = levelsBySecond(points);
      const expected = Array.from({ length: DAYS }, (_, day) =>
        levels.slice(day * DAY_SECONDS, (day + 1) * DAY_SECONDS),
      );
      for (const order of ordersOf(points)) {
        const integrated = new Integrated();
        for (const point of order) integrated.arrive(point);
        for (const [day, seconds] of expected.entries()) {
          const known = seconds.filter((level) => level !== undefined);
          const row = integrated.day(day);
          expect(row?.coveredMs ?? 0).toBe(known.length * 1000);
          expect(Number(row?.byteMs ?? 0n)).toBe(known.reduce((sum, level) => sum + level * 1000, 0));
          expect(row?.lastBytes).toBe(known.at(-1));
          expect(row?.peakBytes).toBe(known.length === 0 ? undefined : Math.max(...known));
        }
      }
    }),
    { numRuns: 300 },
  );
});

const add = (second: number, bytes: number): StoragePoint => ({
  atSeconds: START + second,
  bytes,
  id: '',
  kind: 'add',
});
const set = (second: number, bytes: number): StoragePoint => ({ atSeconds: START + second, bytes, id: 'a' });
const lastOf = (points: readonly StoragePoint[], before?: StorageLevel) =>
  integrateDay(points, before, boundsOf(0))?.lastBytes;

test.each<[what: string, points: StoragePoint[], level: number]>([
  ['the first change begins at nothing', [add(1, 5)], 5],
  ['changes go on from a set, and from each other', [set(0, 10), add(1, 5), add(2, -3)], 12],
  ['a set ends the changes before it', [add(0, 5), set(1, 7)], 7],
  ['in one second the set comes first', [add(1, 5), set(1, 7)], 12],
  ['changes of one second are one: what is between them does not exist', [set(0, 3), add(1, -5), add(1, 4)], 2],
  ['below 0 there is nothing, and the next change begins there', [set(0, 3), add(1, -5), add(2, 4)], 4],
  ['the same at the other end', [set(0, MAX), add(1, 5), add(2, -4)], MAX - 4],
  ['sums of one second are exact beyond 2^53', [add(1, MAX), add(1, MAX), add(1, -MAX), add(1, -MAX), add(1, 1)], 1],
])('%s', (_, points, level) => {
  for (const order of [points, points.toReversed()]) expect(lastOf(order)).toBe(level);
});

test('a change goes on from the last level that is known, also one that has ended', () => {
  const old = { bytes: 50, atSeconds: START - 40 * 86_400 };
  expect(integrateDay([add(3, 5)], old, boundsOf(0))).toMatchObject({ coveredMs: 2_000, lastBytes: 55, peakBytes: 55 });
});
