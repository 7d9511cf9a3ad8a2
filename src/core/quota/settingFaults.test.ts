// What a change of a setting is refused for: the field by its path, and what is allowed there.
import { describe, expect, test } from 'vitest';
import { UTC_CALENDAR } from '../time/calendar.js';
import { DEFAULT_PLANS } from './plans.js';
import type { LimitChange, SettingPatch } from './setting.js';
import { resetFaults, settingFaults } from './settingFaults.js';

const NOW = Date.UTC(2026, 10, 24, 12);
const moment = { nowMs: NOW, calendar: { ...UTC_CALENDAR, timeZone: 'Asia/Tokyo' } };
const faultsOf = (patch: SettingPatch) =>
  settingFaults(patch, { plans: DEFAULT_PLANS, planAfter: 'free', moment }).map(
    (one) => `${one.location}: ${one.message}`,
  );

describe('a number of units', () => {
  test.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
    'of %d is refused with the allowed range',
    (limit) => {
      const range = `expected a whole number from 0 to 9007199254740991 or "unlimited", got ${limit}`;
      expect(faultsOf({ limits: { day: limit } })).toEqual([`limits.day: ${range}`]);
      expect(faultsOf({ limits: { day: { limit, until: '2027-01-31' } } })).toEqual([`limits.day.limit: ${range}`]);
    },
  );

  test.each([0, 1, Number.MAX_SAFE_INTEGER, 'unlimited', null] as const)('of %s is taken', (limit) => {
    expect(faultsOf({ limits: { day: limit } })).toEqual([]);
  });
});

describe('an end', () => {
  const untilOf = (until: string): string[] => faultsOf({ limits: { day: { limit: 5, until } } });

  test.each([
    '2026-11-24T12:00:00.001Z',
    '2026-11-24T21:00:01+09:00',
    '2026-11-24T12:01Z',
    '2026-11-25',
    '9999-12-31',
    '9999-12-31T23:59:59.999999999Z',
    // The next day of the tenant has begun for all who live east of it.
    '2026-11-24T07:00:01-05:00',
  ])('that is to come, %s, is taken', (until) => {
    expect(untilOf(until)).toEqual([]);
  });

  test.each([
    '2026-11-24T12:00:00Z',
    '2026-11-24T21:00:00+09:00',
    // The tenant's day has begun: an override until its first instant is over.
    '2026-11-24',
    '2026-11-23',
    '1970-01-01',
    '0001-01-01',
    '0001-01-01T00:00:00Z',
  ])('that is over, %s, is refused', (until) => {
    expect(untilOf(until)).toEqual([`limits.day.until: expected an instant that is to come, got "${until}"`]);
  });

  test.each([
    '',
    'tomorrow',
    '2027-02-29',
    '2027-02-29T00:00:00Z',
    '2027-01-31T00:00:00',
    '2027-01-31 00:00:00Z',
    '1800000000000',
  ])('that is none, %j, is refused', (until) => {
    expect(untilOf(until)).toEqual([
      expect.stringMatching(/^limits\.day\.until: expected an instant such as .+ or a date such as /),
    ]);
  });
});

test.each<[SettingPatch, string]>([
  [{ timeZone: 'Mars/Olympus' }, 'timeZone: expected an IANA time zone such as "Europe/Berlin", got "Mars/Olympus"'],
  [{ billingAnchorDay: 32 }, 'billingAnchorDay: expected a day of the month from 1 to 31, got 32'],
  [{ billingAnchorDay: 0 }, 'billingAnchorDay: expected a day of the month from 1 to 31, got 0'],
  [{ billingAnchorDay: 1.5 }, 'billingAnchorDay: expected a day of the month from 1 to 31, got 1.5'],
  [{ plan: 'gold' }, 'plan: expected one of free, pro, enterprise, got "gold"'],
])('%j is refused with what is allowed', (patch, message) => {
  expect(faultsOf(patch)).toEqual([message]);
});

test('every fault is told at once', () => {
  const limits: Record<string, LimitChange> = { day: -1, never: { limit: 0.5, until: 'never' } };
  const patch = { plan: 'gold', limits, timeZone: '+01:00', billingAnchorDay: 99 };
  expect(faultsOf(patch).map((fault) => fault.split(':')[0])).toEqual([
    'plan',
    'limits.day',
    'limits.never',
    'limits.never.limit',
    'limits.never.until',
    'timeZone',
    'billingAnchorDay',
  ]);
});

test('a reset needs a reason and an author that people can read', () => {
  expect(resetFaults({ reason: 'x'.repeat(500), author: 'ops' })).toEqual([]);
  expect(resetFaults({ reason: undefined, author: '' })).toEqual([
    { location: 'reason', message: 'expected a reason of 1 to 500 characters, got nothing' },
    { location: 'author', message: 'expected a name of 1 to 256 characters, got an empty text' },
  ]);
  const messages = [5, ' ', 'x'.repeat(501)].map((reason) => resetFaults({ reason, author: 'ops' })[0]?.message);
  expect(messages).toEqual([
    'expected a reason of 1 to 500 characters, got a value of type number',
    'expected a reason of 1 to 500 characters, got blanks',
    'expected a reason of 1 to 500 characters, got 501 of them',
  ]);
});
