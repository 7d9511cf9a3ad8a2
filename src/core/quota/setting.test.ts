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
