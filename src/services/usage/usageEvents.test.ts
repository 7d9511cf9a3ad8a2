// Which events can be booked, on which day, and that one that cannot loses no other.
import { expect, test, vi } from 'vitest';
import { hasCode, TallygateError } from '../../core/errors.js';
import { UTC_CALENDAR } from '../../core/time/calendar.js';
import type { UsageEvent } from '../../core/usage/usageEvent.js';
import type { EventRow } from '../../ports/usageBookings.js';
import { UsageEvents, type UsageEventsParts } from './usageEvents.js';

const NOW = Date.UTC(2026, 10, 24, 3);
const DAY = 86_400_000;

const eventOf = (more: Partial<UsageEvent> = {}): UsageEvent => ({
  ...{ tenantId: 'acme', source: '/s', id: 'e-1', atMs: undefined, meter: 'api_calls', value: 1, userId: undefined },
  ...more,
});

function given(more: Partial<UsageEventsParts> = {}) {
  const bookEvents = vi.fn(async (rows: readonly EventRow[]) => {
    if (rows.some((row) => row.apiCalls === 666)) throw new TallygateError('ledger_refused', 'poison');
    return rows.map((row) => row.apiCalls !== 2);
  });
  const service = new UsageEvents({
    bookings: { bookEvents },
    ledger: { identity: async () => ({ ledgerId: 'l', hashKey: Buffer.alloc(32) }) },
    quotaOf: (tenantId) => ({
      known: tenantId === 'acme',
      calendar: { ...UTC_CALENDAR, timeZone: 'America/New_York' },
    }),
    refusesUnknown: false,
    meters: new Map([
      ['rows', { kind: 'counter', unit: 'row' }],
      ['seats', { kind: 'level', unit: 'seat' }],
    ]),
    newPointId: (nowMs) => `id ${nowMs}`,
    metering: true,
    clock: { wallMs: () => NOW, monotonicMs: () => 0 },
    ...more,
  });
  return { bookEvents, service };
}

const statuses = async (service: UsageEvents, events: readonly UsageEvent[]) =>
  (await service.book(events)).map((outcome) => (outcome.status === 'rejected' ? outcome.code : outcome.status));

test('an event is of the day of its own time in the zone of its tenant, and of now where it has none', async () => {
  const { bookEvents, service } = given();
  await service.book([eventOf(), eventOf({ id: 'e-2', atMs: NOW - 3 * DAY + 3 * 3_600_000, userId: 'ann' })]);
  const [rows = []] = bookEvents.mock.calls[0] ?? [];
  expect(rows.map((row) => row.usageDate)).toEqual(['2026-11-23', '2026-11-21']);
  expect(rows.map((row) => row.userHash?.length)).toEqual([undefined, 16]);
});

test('the name of an event is its source and its id, whatever else it says', async () => {
  const { bookEvents, service } = given();
  await service.book([eventOf(), eventOf({ value: 9 }), eventOf({ source: '/se', id: '-1' }), eventOf({ id: 'e-2' })]);
  const keys = (bookEvents.mock.calls[0]?.[0] ?? []).map((row) => row.key.toString('hex'));
  expect(keys[1]).toBe(keys[0]);
  expect(new Set(keys).size).toBe(3);
});

test('what is 35 days back or 5 minutes ahead is booked, and what is further away is not, nor an unknown meter', async () => {
  const { service } = given();
  const times = [NOW - 35 * DAY, NOW - 35 * DAY - 1, NOW + 300_000, NOW + 300_001];
  const events = [...times.map((atMs) => eventOf({ atMs })), eventOf({ meter: 'tokens' }), eventOf({ value: 2 })];
  expect(await statuses(service, events)).toEqual([
    ...['accepted', 'time_out_of_range', 'accepted', 'time_out_of_range'],
    ...['unknown_meter', 'duplicate'],
  ]);
});

test('an event is of API calls or of a declared meter: a counter gains its value, a level is it from then on', async () => {
  const { bookEvents, service } = given();
  const events = [
    eventOf({ id: 'e-1', meter: 'rows', value: 7 }),
    eventOf({ id: 'e-2', meter: 'seats', value: 5, atMs: NOW - DAY + 999, userId: 'ann' }),
    eventOf({ id: 'e-3', value: 3 }),
    eventOf({ id: 'e-4', meter: 'toString' }),
    eventOf({ id: 'e-5', meter: 'seats', value: undefined }),
    eventOf({ id: 'e-6', meter: 'rows', value: undefined }),
  ];
  expect(await statuses(service, events)).toEqual([
    ...['accepted', 'accepted', 'accepted', 'unknown_meter', 'invalid_event', 'accepted'],
  ]);
  expect(
    (bookEvents.mock.calls[0]?.[0] ?? []).map(({ apiCalls, meter, amount, level }) => ({
      apiCalls,
      meter,
      amount,
      level,
    })),
  ).toEqual([
    { apiCalls: 0, meter: 'rows', amount: 7, level: undefined },
    { apiCalls: 0, meter: 'seats', amount: 0, level: { atSeconds: (NOW - DAY) / 1000, bytes: 5, id: `id ${NOW}` } },
    { apiCalls: 3, meter: '', amount: 0, level: undefined },
    { apiCalls: 0, meter: 'rows', amount: 1, level: undefined },
  ]);
});

test('a tenant without a setting is refused where unknown ones are, and no other event with it', async () => {
  const events = [eventOf({ tenantId: 'stranger' }), eventOf()];
  expect(await statuses(given({ refusesUnknown: true }).service, events)).toEqual(['tenant_unknown', 'accepted']);
  expect(await statuses(given().service, events)).toEqual(['accepted', 'accepted']);
});

test('an event that the ledger refuses is found, and loses no other', async () => {
  const { service } = given();
  const events = Array.from({ length: 11 }, (_, index) => eventOf({ id: `e-${index}`, value: index === 6 ? 666 : 1 }));
  const expected = events.map(({ value }) => (value === 666 ? 'ledger_refused' : 'accepted'));
  expect(await statuses(service, events)).toEqual(expected);
});

test('while the ledger is away nothing is answered but that', async () => {
  const unavailable = new TallygateError('ledger_unavailable', 'away');
  const { service } = given({ bookings: { bookEvents: () => Promise.reject(unavailable) } });
  await expect(service.book([eventOf(), eventOf({ atMs: 0 })])).rejects.toBe(unavailable);
});

test('where nothing is metered, no event is taken for booked', async () => {
  const { bookEvents, service } = given({ metering: false });
  await expect(service.book([eventOf()])).rejects.toSatisfy((error) => hasCode(error, 'not_supported'));
  expect(bookEvents).not.toHaveBeenCalled();
});
