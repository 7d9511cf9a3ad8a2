// What an operator may set for a tenant, and what then holds for it: plan and overrides merged into limits, the calendar with
// the settings that held before. Pure: the database's clock is handed in, faults come back as a list.
import type { Fault } from '../errors.js';
import { type EarlierCalendar, isTimeZone, type TenantCalendar, UTC_CALENDAR } from '../time/calendar.js';
import { type EffectiveLimit, type Limit, WINDOW_UNITS } from './limit.js';
import { isLimitValue, isWindowUnit, LIMIT_VALUE_EXPECTED, type Plans, shortestFirst } from './plans.js';

/** A change of a tenant's setting: what is undefined stays as it is, null returns to the default. */
export interface SettingPatch {
  readonly plan?: string | null | undefined;
  /** By limit name; null ends an override. */
  readonly limits?: Readonly<Record<string, number | 'unlimited' | null>> | undefined;
  /** An IANA name. */
  readonly timeZone?: string | null | undefined;
  /** 1 to 31. */
  readonly billingAnchorDay?: number | null | undefined;
}

/** What is stored for a tenant. */
export interface StoredSetting {
  readonly plan: string | undefined;
  readonly limits: ReadonlyMap<string, number | 'unlimited'>;
  readonly timeZone: string | undefined;
  readonly billingAnchorDay: number | undefined;
  readonly earlierCalendars: readonly EarlierCalendar[];
}

/** A tenant that nobody gave a setting. */
export const EMPTY_SETTING: StoredSetting = {
  plan: undefined,
  limits: new Map(),
  timeZone: undefined,
  billingAnchorDay: undefined,
  earlierCalendars: [],
};

/** Whether there is anything in it. A row emptied by DELETE keeps only earlier calendars and is no setting. */
export const isSet = (setting: StoredSetting): boolean =>
  setting.plan !== undefined ||
  setting.limits.size > 0 ||
  setting.timeZone !== undefined ||
  setting.billingAnchorDay !== undefined;

// After this every period that an earlier calendar takes part in has long ended: a month and its longest transition are 62 days.
const CALENDAR_MEMORY_MS = 200 * 86_400_000;
// A change of the calendar takes effect when every process has loaded it: one that had not, at the very end of a day, would
// begin the next one by the old rule.
const CALENDAR_CHANGE_DELAY_MS = 2_000;
/** Most changes of zone or anchor within 200 days: the row must not grow with a client that toggles. */
export const MAX_CALENDAR_CHANGES = 24;

/** All that is wrong with a patch, by path (`limits.day`). `presentPlan` decides which limits can be overridden. */
export function settingFaults(patch: SettingPatch, plans: Plans, presentPlan: string): Fault[] {
  const faults: Fault[] = [];
  const say = (location: string, message: string) => faults.push({ location, message });
  if (typeof patch.plan === 'string' && !plans.has(patch.plan)) {
    say('plan', `expected one of ${[...plans.keys()].join(', ')}, got "${patch.plan}"`);
  }
  const planned = plans.get(patch.plan ?? presentPlan) ?? [];
  const ofAnyPlan = [...plans.values()].flat();
  for (const [name, limit] of Object.entries(patch.limits ?? {})) {
    // An override that waits for another plan can be ended, too.
    const known = isWindowUnit(name) || (limit === null ? ofAnyPlan : planned).some((one) => one.name === name);
    if (!known) {
      const names = [...new Set([...WINDOW_UNITS, ...planned.map((one) => one.name)])];
      say(`limits.${name}`, `expected one of the limits ${names.join(', ')}`);
    }
    if (limit !== null && !isLimitValue(limit)) say(`limits.${name}`, `expected ${LIMIT_VALUE_EXPECTED}, got ${limit}`);
  }
  if (typeof patch.timeZone === 'string' && !isTimeZone(patch.timeZone)) {
    say('timeZone', `expected an IANA time zone such as "Europe/Berlin", got "${patch.timeZone}"`);
  }
  const anchor = patch.billingAnchorDay;
  if (typeof anchor === 'number' && !(Number.isInteger(anchor) && anchor >= 1 && anchor <= 31)) {
    say('billingAnchorDay', `expected a day of the month from 1 to 31, got ${anchor}`);
  }
  return faults;
}

/** The setting after a patch at `nowMs`, by the database's clock. A changed zone or anchor is remembered, so that no date ever repeats. */
export function applyPatch(present: StoredSetting, patch: SettingPatch, nowMs: number): StoredSetting {
  const limits = new Map(present.limits);
  for (const [name, limit] of Object.entries(patch.limits ?? {})) {
    if (limit === null) limits.delete(name);
    else limits.set(name, limit);
  }
  return withCalendarMemory(
    present,
    nowMs,
    made({
      plan: merged(present.plan, patch.plan),
      limits,
      timeZone: merged(present.timeZone, patch.timeZone),
      billingAnchorDay: merged(present.billingAnchorDay, patch.billingAnchorDay),
      earlierCalendars: [],
    }),
  );
}

/** The setting that consists of `patch` alone: what it leaves out returns to its default. */
export const replaceBy = (present: StoredSetting, patch: SettingPatch, nowMs: number): StoredSetting =>
  withCalendarMemory(present, nowMs, applyPatch(EMPTY_SETTING, patch, nowMs));

/** What is left where nobody gave the tenant a setting any more. */
export const emptied = (present: StoredSetting, nowMs: number): StoredSetting =>
  withCalendarMemory(present, nowMs, EMPTY_SETTING);

/**
 * A tenant that somebody set to nothing but defaults exists all the same, until it is deleted: its row says the default zone,
 * as an emptied one says nothing.
 */
const made = (setting: StoredSetting): StoredSetting =>
  isSet(setting) ? setting : { ...setting, timeZone: UTC_CALENDAR.timeZone };

const merged = <T>(present: T | undefined, change: T | null | undefined): T | undefined =>
  change === undefined ? present : (change ?? undefined);

function withCalendarMemory(
  present: StoredSetting,
  nowMs: number,
  next: Omit<StoredSetting, 'earlierCalendars'>,
): StoredSetting {
  const before = calendarOf(present);
  const after = calendarOf({ ...next, earlierCalendars: [] });
  const remembered = present.earlierCalendars.filter((one) => one.until > nowMs - CALENDAR_MEMORY_MS);
  const changed = before.timeZone !== after.timeZone || before.billingAnchorDay !== after.billingAnchorDay;
  const { timeZone, billingAnchorDay } = before;
  return {
    ...next,
    earlierCalendars: changed
      ? [...remembered, { timeZone, billingAnchorDay, until: nowMs + CALENDAR_CHANGE_DELAY_MS }]
      : remembered,
  };
}

/** The calendar that a setting stands for. */
export const calendarOf = (setting: StoredSetting): TenantCalendar => ({
  timeZone: setting.timeZone ?? UTC_CALENDAR.timeZone,
  billingAnchorDay: setting.billingAnchorDay ?? UTC_CALENDAR.billingAnchorDay,
  earlier: setting.earlierCalendars,
});

/**
 * The limits that hold: the plan's, each replaced by an override of its name, and overrides of windows that the plan leaves
 * open. Shortest window first. An override whose limit the present plan does not have waits for a plan that has it.
 */
export function effectiveLimits(
  planned: readonly Limit[],
  planSource: 'plan' | 'default',
  overrides: ReadonlyMap<string, number | 'unlimited'>,
): readonly EffectiveLimit[] {
  const limits: EffectiveLimit[] = planned.map((one) => {
    const override = overrides.get(one.name);
    return override === undefined ? { ...one, source: planSource } : { ...one, limit: override, source: 'override' };
  });
  for (const [name, limit] of overrides) {
    if (isWindowUnit(name) && !planned.some((one) => one.name === name)) {
      limits.push({ name, window: name, limit, source: 'override' });
    }
  }
  return shortestFirst(limits);
}
