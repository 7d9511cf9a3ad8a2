// Events from outside: each counts once by tenant and key, on its own day, whatever is sent again and by whom.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { EventRow } from '../ports/usageBookings.js';
import { bookingCase, type UsageBookingCase } from './usageBookingCase.js';
import { callsOf, freshHash, freshTenant, rejectsWith, uuidAt } from './usageLedgerCase.js';

const DATE = '2024-02-29';
const NEXT = '2024-03-01';
const WRITERS = 8;

export const bookedEventCases: readonly UsageBookingCase[] = [
  bookingCase('an event adds its calls to its own day, beside what is there', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    await usage.apply({ calls: [callsOf(tenantId, DATE, 100)] });
    const events = [3, 4, 0].map((apiCalls) => eventOf(tenantId, { apiCalls }));
    const booked = await bookings.bookEvents([...events, eventOf(tenantId, { apiCalls: 7, usageDate: NEXT })]);
    assert.deepEqual(booked, [true, true, true, true]);
    assert.deepEqual([await usage.calls(tenantId, DATE), await usage.calls(tenantId, NEXT)], [107, 7]);
  }),

  bookingCase('an event that is sent again counts once, also with other content', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    const event = eventOf(tenantId, { apiCalls: 3, userHash: freshHash() });
    assert.deepEqual(await bookings.bookEvents([event]), [true]);
    const other = { ...event, apiCalls: 500, usageDate: NEXT, userHash: freshHash() };
    assert.deepEqual(await bookings.bookEvents([event, eventOf(tenantId, { apiCalls: 4 }), other]), [
      false,
      true,
      false,
    ]);
    const { days, activeUsers } = await usage.ledger.readUsage(tenantId, DATE, NEXT);
    assert.deepEqual([days, activeUsers], [[{ usageDate: DATE, apiCalls: 7, activeUsers: 1 }], 1]);
  }),

  bookingCase('an event adds its amount to a counter, or sets a level, once', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    const { date, startsAt } = await usage.dayBefore(2);
    const of = { usageDate: date, apiCalls: 0 };
    const level = { atSeconds: startsAt, bytes: 4, id: uuidAt(startsAt * 1000) };
    const events = [
      eventOf(tenantId, { ...of, meter: 'tokens', amount: 500, userHash: freshHash() }),
      eventOf(tenantId, { ...of, meter: 'tokens', amount: 20 }),
      eventOf(tenantId, { ...of, meter: 'seats', level }),
    ];
    assert.deepEqual(await bookings.bookEvents(events), [true, true, true]);
    assert.deepEqual(await bookings.bookEvents(events), [false, false, false]);
    const { meters, days } = await usage.ledger.readUsage(tenantId, date, date);
    assert.deepEqual(
      meters.map(({ meter, amount, level: day }) => [meter, amount, day?.lastBytes]),
      [
        ['seats', 0, 4],
        ['tokens', 520, undefined],
      ],
    );
    assert.deepEqual([days[0]?.apiCalls, days[0]?.activeUsers], [0, 1]);
    const bad = eventOf(tenantId, { ...of, meter: 'tokens', amount: -1 });
    await rejectsWith('ledger_refused', bookings.bookEvents([eventOf(tenantId, of), bad]));
  }),

  bookingCase('of repeats within one batch the first counts', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    const event = eventOf(tenantId, { apiCalls: 3 });
    const repeats = [event, { ...event, apiCalls: 9 }, { ...event, key: Buffer.from(event.key) }];
    assert.deepEqual(await bookings.bookEvents(repeats), [true, false, false]);
    assert.equal(await usage.calls(tenantId, DATE), 3);
  }),

  bookingCase('the same key under another tenant is another event', async ({ bookings, usage }) => {
    const [one, two] = [freshTenant(), freshTenant()];
    const key = randomBytes(16);
    const events = [eventOf(one, { apiCalls: 1, key }), eventOf(two, { apiCalls: 2, key })];
    assert.deepEqual(await bookings.bookEvents(events), [true, true]);
    assert.deepEqual([await usage.calls(one, DATE), await usage.calls(two, DATE)], [1, 2]);
  }),

  bookingCase('users of events are distinct with those of batches', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    const [ann, bob] = [freshHash(), freshHash()];
    await usage.apply({ users: [{ tenantId, month: '2024-02', userHash: ann, dayMask: 1 << 28 }] });
    const seen = [ann, bob, bob].map((userHash) => eventOf(tenantId, { userHash }));
    await bookings.bookEvents([...seen, eventOf(tenantId, { userHash: ann, usageDate: '2024-02-28' })]);
    const { days, activeUsers } = await usage.ledger.readUsage(tenantId, '2024-02-01', DATE);
    assert.deepEqual(
      days.map((day) => [day.usageDate, day.apiCalls, day.activeUsers]),
      [
        ['2024-02-28', 1, 1],
        [DATE, 3, 2],
      ],
    );
    assert.equal(activeUsers, 2);
  }),

  bookingCase('a batch that is refused books nothing and takes no key', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    const event = eventOf(tenantId, { apiCalls: 3 });
    for (const bad of [{ apiCalls: -1 }, { apiCalls: 2 ** 53 }, { usageDate: '2024-02-30' }, { tenantId: 'a\0b' }]) {
      await rejectsWith('ledger_refused', bookings.bookEvents([event, eventOf(tenantId, bad)]));
    }
    assert.equal((await usage.ledger.readUsage(tenantId, DATE, DATE)).exists, false);
    assert.deepEqual(await bookings.bookEvents([event]), [true]);
  }),

  bookingCase('a day saturates, also by the events of one batch', async ({ bookings, usage }) => {
    const tenantId = freshTenant();
    const most = { apiCalls: Number.MAX_SAFE_INTEGER };
    await bookings.bookEvents([eventOf(tenantId, most), eventOf(tenantId, most)]);
    await bookings.bookEvents([eventOf(tenantId, most)]);
    assert.equal(await usage.calls(tenantId, DATE), Number.MAX_SAFE_INTEGER);
  }),

  bookingCase(
    'of many that send overlapping batches at once, beside usage of the same days, each event counts once',
    async (given) => {
      const tenants = Array.from({ length: 12 }, freshTenant);
      const events = tenants.flatMap((tenantId) => [
        eventOf(tenantId, { apiCalls: 3, userHash: freshHash() }),
        eventOf(tenantId, { apiCalls: 4, usageDate: NEXT }),
      ]);
      const booked = await Promise.all(
        (await given.others(WRITERS)).map(async ({ bookings }, writer) => {
          await given.usage.apply({ calls: tenants.toReversed().map((tenantId) => callsOf(tenantId, DATE, 1)) });
          return bookings.bookEvents([...events.slice(writer * 3), ...events.slice(0, writer * 3)]);
        }),
      );
      assert.equal(booked.flat().filter((isNew) => isNew).length, events.length);
      for (const tenantId of tenants) {
        assert.equal(await given.usage.calls(tenantId, DATE), 3 + WRITERS);
        assert.equal(await given.usage.calls(tenantId, NEXT), 4);
      }
    },
  ),

  bookingCase('no events are no transaction that fails', async ({ bookings }) => {
    assert.deepEqual(await bookings.bookEvents([]), []);
  }),
];

const eventOf = (tenantId: string, given: Partial<EventRow>): EventRow => ({
  ...{ tenantId, key: randomBytes(16), usageDate: DATE, apiCalls: 1, userHash: undefined },
  ...{ meter: '', amount: 0, level: undefined },
  ...given,
});
