// Changes of storage levels: each counts once by its key, and with the levels that are set it makes the same days in every order of
// arrival. All days are of UTC.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { StorageChange } from '../ports/usageBookings.js';
import { bookingCase, type GivenBookings, type UsageBookingCase } from './usageBookingCase.js';
import { batchOf, freshTenant, rejectsWith, uuidAt } from './usageLedgerCase.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const WRITERS = 8;

export const bookedStorageCases: readonly UsageBookingCase[] = [
  bookingCase('in every order of arrival, sets and changes make the days that their hours give', async (given) => {
    const { startsAt } = await given.usage.dayBefore(5);
    // Of both kinds in one second too, over three days.
    const points: Point[] = [
      { hour: 6, add: 100 },
      { hour: 20, set: 40 },
      { hour: 20, add: 7 },
      { hour: 53, add: -30 },
    ];
    const expected = daysByHour(points);
    const outcomes = [...ordersOf(points)].map(async (order) => {
      const tenantId = freshTenant();
      for (const point of order) await arrive(given, tenantId, startsAt, point);
      return daysOf(given, tenantId);
    });
    for (const days of await Promise.all(outcomes)) assert.deepEqual(days, expected);
  }),

  bookingCase(
    'the same change again counts once, and answers when the first held from',
    async ({ bookings, usage }) => {
      const { date, startsAt } = await usage.dayBefore(2);
      const change = changeOf(freshTenant(), startsAt, 50);
      assert.deepEqual(await bookings.addStorage(change), { outcome: 'booked', atMs: change.atMs });
      const later = { ...change, atMs: change.atMs + 5_000 };
      assert.deepEqual(await bookings.addStorage(later), { outcome: 'repeated', atMs: change.atMs });
      assert.equal((await usage.day(change.tenantId, date))?.storage?.lastBytes, 50);
    },
  ),

  bookingCase('a key that was used for another change changes nothing', async ({ bookings, usage }) => {
    const { date, startsAt } = await usage.dayBefore(2);
    const change = changeOf(freshTenant(), startsAt, 50);
    await bookings.addStorage(change);
    const other = { ...change, content: randomBytes(16), bytes: 7 };
    assert.deepEqual(await bookings.addStorage(other), { outcome: 'conflict' });
    assert.equal((await usage.day(change.tenantId, date))?.storage?.lastBytes, 50);
    // Another tenant's keys are its own.
    const elsewhere = { ...other, tenantId: freshTenant() };
    assert.equal((await bookings.addStorage(elsewhere)).outcome, 'booked');
  }),

  bookingCase(
    'of many that change one second at once, under one key and under their own, each key counts once',
    async (given) => {
      const { date, startsAt } = await given.usage.dayBefore(2);
      const tenantId = freshTenant();
      const shared = changeOf(tenantId, startsAt, 1_000);
      const writers = await given.others(WRITERS);
      const outcomes = await Promise.all(
        writers.flatMap(({ bookings }, index) => [
          bookings.addStorage(shared),
          bookings.addStorage(changeOf(tenantId, startsAt, index)),
        ]),
      );
      assert.equal(outcomes.filter((one) => one.outcome === 'repeated').length, WRITERS - 1);
      const sum = 1_000 + writers.reduce((total, _, index) => total + index, 0);
      assert.equal((await given.usage.day(tenantId, date))?.storage?.peakBytes, sum);
    },
  ),

  bookingCase('sets that travel in batches and changes do not lose each other', async (given) => {
    const { date, startsAt } = await given.usage.dayBefore(2);
    const tenantId = freshTenant();
    const writers = await given.others(WRITERS);
    await Promise.all(
      writers.map(async ({ ledger, bookings }, index) => {
        const at = startsAt + index * HOUR;
        const set = { tenantId, atSeconds: at, bytes: 10 * (index + 1), id: uuidAt(at * 1000) };
        const applied = ledger.apply(batchOf(await given.usage.producer(), 0, 1, { storage: [set] }));
        await Promise.all([applied, bookings.addStorage(changeOf(tenantId, at + HOUR / 2, 1))]);
      }),
    );
    const storage = (await given.usage.day(tenantId, date))?.storage;
    const halves = writers.reduce((sum, _, index) => sum + 20 * (index + 1) + 1, 0);
    const rest = (10 * WRITERS + 1) * 2 * (24 - WRITERS);
    assert.equal(storage?.byteMs, BigInt(halves + rest) * BigInt((HOUR * 1000) / 2));
    assert.equal(storage?.coveredMs, DAY * 1000);
  }),

  bookingCase('the changes of the last date come back with its levels, one a second', async ({ bookings, usage }) => {
    const { date, startsAt } = await usage.dayBefore(1);
    const tenantId = freshTenant();
    const set = { tenantId, atSeconds: startsAt + 5, bytes: 9, id: uuidAt(startsAt * 1000) };
    for (const [second, bytes] of [
      [5, 3],
      [5, -1],
      [DAY, 4],
      [-1, 4],
    ] as const) {
      await bookings.addStorage(changeOf(tenantId, startsAt + second, bytes));
    }
    await usage.apply({ storage: [set] });
    const { pointsOfLastDate } = await usage.ledger.readUsage(tenantId, date, date);
    const change = { tenantId, atSeconds: startsAt + 5, kind: 'add', bytes: 2, id: '' };
    assert.deepEqual(pointsOfLastDate, [set, change]);
  }),

  bookingCase('changes that cancel out do so beyond 2^53 too', async ({ bookings, usage }) => {
    const { date, startsAt } = await usage.dayBefore(2);
    const tenantId = freshTenant();
    const most = Number.MAX_SAFE_INTEGER;
    for (const bytes of [most, most, most, -most, -most, -most, 3]) {
      await bookings.addStorage(changeOf(tenantId, startsAt, bytes));
    }
    assert.equal((await usage.day(tenantId, date))?.storage?.lastBytes, 3);
  }),

  bookingCase('a change that is refused books nothing and takes no key', async ({ bookings, usage }) => {
    const { startsAt } = await usage.dayBefore(2);
    const change = changeOf(freshTenant(), startsAt, 5);
    for (const bad of [{ bytes: 2 ** 53 }, { bytes: 0.5 }, { tenantId: 'a\0b' }]) {
      await rejectsWith('ledger_refused', bookings.addStorage({ ...change, ...bad }));
    }
    assert.equal((await bookings.addStorage(change)).outcome, 'booked');
  }),
];

/** At the start of an hour: a level that is set, or a change of it. */
type Point = { readonly hour: number } & ({ readonly set: number } | { readonly add: number });

async function arrive({ bookings, usage }: GivenBookings, tenantId: string, startsAt: number, point: Point) {
  const atSeconds = startsAt + point.hour * HOUR;
  if ('add' in point) return bookings.addStorage(changeOf(tenantId, atSeconds, point.add));
  return usage.apply({ storage: [{ tenantId, atSeconds, bytes: point.set, id: uuidAt(atSeconds * 1000) }] });
}

interface DayFigures {
  readonly byteMs: bigint;
  readonly coveredMs: number;
  readonly peakBytes: number;
  readonly lastBytes: number;
}

async function daysOf({ usage }: GivenBookings, tenantId: string): Promise<(DayFigures | undefined)[]> {
  const days = await Promise.all([5, 4, 3].map((back) => usage.dayBefore(back)));
  return Promise.all(
    days.map(async ({ date }) => {
      const storage = (await usage.day(tenantId, date))?.storage;
      if (storage === undefined) return undefined;
      const { lastAtSeconds: _, ...figures } = storage;
      return figures;
    }),
  );
}

/** Three days hour by hour; a day without a point of its own has no row. */
function daysByHour(points: readonly Point[]): (DayFigures | undefined)[] {
  let level: number | undefined;
  return [0, 1, 2].map((day) => {
    const known: number[] = [];
    for (let hour = day * 24; hour < day * 24 + 24; hour += 1) {
      const now = points.filter((point) => point.hour === hour);
      for (const point of now) if ('set' in point) level = point.set;
      for (const point of now) if ('add' in point) level = (level ?? 0) + point.add;
      if (level !== undefined) known.push(level);
    }
    if (!points.some((point) => Math.floor(point.hour / 24) === day)) return undefined;
    return {
      byteMs: BigInt(known.reduce((sum, bytes) => sum + bytes, 0)) * BigInt(HOUR * 1000),
      coveredMs: known.length * HOUR * 1000,
      peakBytes: Math.max(...known),
      lastBytes: known.at(-1) ?? 0,
    };
  });
}

function* ordersOf<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of ordersOf(items.filter((_, other) => other !== index))) yield [item, ...rest];
  }
}

const changeOf = (tenantId: string, atSeconds: number, bytes: number): StorageChange => ({
  ...{ tenantId, key: randomBytes(16), content: randomBytes(16), atMs: atSeconds * 1000, bytes },
});
