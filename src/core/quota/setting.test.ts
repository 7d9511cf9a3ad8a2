// What a setting becomes by a change: when a tenant has one, and which names of limits a change may say.
import { describe, expect, it } from 'vitest';
import { DEFAULT_PLANS } from './plans.js';
import { applyPatch, calendarOf, EMPTY_SETTING, emptied, isSet, replaceBy } from './setting.js';
import { settingFaults } from './settingFaults.js';

const NOW = Date.UTC(2026, 10, 24, 12);

describe('whether a tenant has a setting', () => {
  const limited = applyPatch(EMPTY_SETTING, { limits: { day: 7 } }, NOW);

  it.each([
    ['a PUT of nothing but defaults', replaceBy(EMPTY_SETTING, {}, NOW)],
    ['a PATCH that says nothing', applyPatch(EMPTY_SETTING, {}, NOW)],
    ['the end of its only override', applyPatch(limited, { limits: { day: null } }, NOW)],
    ['a PUT over its only override', replaceBy(limited, {}, NOW)],
    ['its only field returned to the default', applyPatch(limited, { limits: { day: null }, timeZone: null }, NOW)],
  ])('it has one after %s, and what holds is the default', (_change, setting) => {
    expect(isSet(setting)).toBe(true);
    expect([setting.plan, setting.limits.size, setting.earlierCalendars]).toEqual([undefined, 0, []]);
    expect(calendarOf(setting)).toEqual(calendarOf(EMPTY_SETTING));
  });

  it('it has none after its end, which keeps the calendars that held', () => {
    const left = emptied(applyPatch(limited, { timeZone: 'Asia/Tokyo' }, NOW), NOW + 1);
    expect(isSet(left)).toBe(false);
    expect(left.earlierCalendars.map((one) => one.timeZone)).toEqual(['UTC', 'Asia/Tokyo']);
  });
});

describe('the limits that a change may name', () => {
  const plans = new Map([
    ...DEFAULT_PLANS,
    ['burst', [{ name: 'burst', window: 'minute' as const, limit: 5 }] as const],
  ]);
  const faultsOf = (limits: Record<string, number | null>) =>
    settingFaults({ limits }, { plans, planAfter: 'free' }).map((fault) => fault.location);

  it('are the windows and those of the plan; an override that waits for another plan can be ended', () => {
    expect(faultsOf({ week: 5, minute: null })).toEqual([]);
    expect(faultsOf({ burst: 5 })).toEqual(['limits.burst']);
    expect(faultsOf({ burst: null })).toEqual([]);
    expect(faultsOf({ fortnight: null, decade: 1 })).toEqual(['limits.fortnight', 'limits.decade']);
  });
});

describe('an override with an end', () => {
  const endOf = (setting: typeof EMPTY_SETTING) => setting.limits.get('day')?.untilMs;
  const until = (text: string) => ({ limits: { day: { limit: 7, until: text } } });

  it('ends at its instant, or with the first instant of its date in the zone that the tenant then has', () => {
    expect(endOf(applyPatch(EMPTY_SETTING, until('2027-01-31T01:00:00+01:00'), NOW))).toBe(Date.UTC(2027, 0, 31));
    expect(endOf(applyPatch(EMPTY_SETTING, until('2027-01-31'), NOW))).toBe(Date.UTC(2027, 0, 31));
    const tokyo = { ...until('2027-01-31'), timeZone: 'Asia/Tokyo' };
    for (const change of [applyPatch, replaceBy]) {
      expect(endOf(change(EMPTY_SETTING, tokyo, NOW))).toBe(Date.UTC(2027, 0, 30, 15));
    }
    const present = applyPatch(EMPTY_SETTING, { timeZone: 'Asia/Tokyo' }, NOW);
    expect(endOf(applyPatch(present, until('2027-01-31'), NOW))).toBe(Date.UTC(2027, 0, 30, 15));
    // A PUT without a zone returns to UTC.
    expect(endOf(replaceBy(present, until('2027-01-31'), NOW))).toBe(Date.UTC(2027, 0, 31));
  });

  it('ends with the next date where its own never comes, and counts the days of a change of zone as they will be', () => {
    const samoa = applyPatch(EMPTY_SETTING, { timeZone: 'Pacific/Apia' }, Date.UTC(2011, 0));
    const skipped = applyPatch(samoa, until('2011-12-30'), Date.UTC(2011, 10));
    expect(endOf(skipped)).toBe(Date.UTC(2011, 11, 30, 10));
    // By midday of UTC Kiritimati has begun the 25th already; the tenant's 24th ends at the old end, and a short 25th follows.
    const ahead = applyPatch(EMPTY_SETTING, { ...until('2026-11-26'), timeZone: 'Pacific/Kiritimati' }, NOW);
    expect(endOf(ahead)).toBe(Date.UTC(2026, 10, 25, 10));
    expect(endOf(applyPatch(EMPTY_SETTING, { ...until('2026-11-25'), timeZone: 'Pacific/Kiritimati' }, NOW))).toBe(
      Date.UTC(2026, 10, 25),
    );
  });

  it('is gone from the row with the first change after its end, and stays until then', () => {
    const timed = applyPatch(EMPTY_SETTING, until('2026-11-24T12:00:01Z'), NOW);
    expect(applyPatch(timed, { plan: 'pro' }, NOW + 999).limits.size).toBe(1);
    const after = applyPatch(timed, {}, NOW + 1_000);
    expect([after.limits.size, isSet(after)]).toEqual([0, true]);
  });

  it('loses its end where the number is set without one', () => {
    const timed = applyPatch(EMPTY_SETTING, until('2027-01-31'), NOW);
    expect(applyPatch(timed, { limits: { day: 7 } }, NOW).limits.get('day')).toEqual({ limit: 7, untilMs: undefined });
  });
});
