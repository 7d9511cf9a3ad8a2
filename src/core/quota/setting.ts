// What an operator may set for a tenant, and what a change makes of it: plan, overrides, the calendar with the settings that
// held before. Pure: the database's clock is handed in. Which changes are refused is in settingFaults.ts, which limits then
// hold in effectiveLimits.ts.
import {
  type EarlierCalendar,
  isUsageDate,
  parseInstant,
  startOfDate,
  type TenantCalendar,
  UTC_CALENDAR,
} from '../time/calendar.js';
import { type LimitOverride, lasts } from './effectiveLimits.js';

export type { LimitOverride } from './effectiveLimits.js';

/** An override that ends by itself. */
export interface TimedOverride {
  readonly limit: number | 'unlimited';
  /** An instant in ISO 8601 with its offset from UTC, or a date `YYYY-MM-DD`: its first instant in the tenant's zone. */
  readonly until: string;
}

/** What a change may say about one limit; null ends an override. */
export type LimitChange = number | 'unlimited' | TimedOverride | null;

/** A change of a tenant's setting: what is undefined stays as it is, null returns to the default. */
export interface SettingPatch {
  readonly plan?: string | null | undefined;
  /** By limit name; null ends an override. */
  readonly limits?: Readonly<Record<string, LimitChange>> | undefined;
  /** An IANA name. */
  readonly timeZone?: string | null | undefined;
  /** 1 to 31. */
  readonly billingAnchorDay?: number | null | undefined;
}

/** What is stored for a tenant. */
export interface StoredSetting {
  readonly plan: string | undefined;
  /** Overrides by limit name. */
  readonly limits: ReadonlyMap<string, LimitOverride>;
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

const DAY_MS = 86_400_000;
// After this every period that an earlier calendar takes part in has long ended: a month and its longest transition are 62 days.
const CALENDAR_MEMORY_MS = 200 * DAY_MS;
// A change of the calendar takes effect when every process has loaded it: one that had not, at the very end of a day, would
// begin the next one by the old rule.
const CALENDAR_CHANGE_DELAY_MS = 2_000;
/** Most changes of zone or anchor within 200 days: the row must not grow with a client that toggles. */
export const MAX_CALENDAR_CHANGES = 24;

/**
 * The setting after a patch without faults at `nowMs`, by the database's clock. A changed zone or anchor is remembered, so that no
 * date ever repeats; overrides that have ended are gone.
 */
export const applyPatch = (present: StoredSetting, patch: SettingPatch, nowMs: number): StoredSetting =>
  changed(present, present, patch, nowMs);

/** The setting that consists of `patch` alone: what it leaves out returns to its default. */
export const replaceBy = (present: StoredSetting, patch: SettingPatch, nowMs: number): StoredSetting =>
  changed(present, EMPTY_SETTING, patch, nowMs);

function changed(present: StoredSetting, base: StoredSetting, patch: SettingPatch, nowMs: number): StoredSetting {
  const next = withCalendarMemory(present, nowMs, {
    plan: merged(base.plan, patch.plan),
    limits: base.limits,
    timeZone: merged(base.timeZone, patch.timeZone),
    billingAnchorDay: merged(base.billingAnchorDay, patch.billingAnchorDay),
  });
  // The calendar must come first: an override may end with a date of it.
  return made({ ...next, limits: overridesAfter(base.limits, patch, { nowMs, calendar: calendarOf(next) }) });
}

/** When a change is made, and in which calendar the dates in it are. */
export interface ChangeMoment {
  readonly nowMs: number;
  readonly calendar: TenantCalendar;
}

function overridesAfter(
  present: ReadonlyMap<string, LimitOverride>,
  patch: SettingPatch,
  moment: ChangeMoment,
): ReadonlyMap<string, LimitOverride> {
  const overrides = new Map([...present].filter(([, one]) => lasts(one, moment.nowMs)));
  for (const [name, change] of Object.entries(patch.limits ?? {})) {
    if (change === null) overrides.delete(name);
    else if (typeof change !== 'object') overrides.set(name, { limit: change, untilMs: undefined });
    else overrides.set(name, { limit: change.limit, untilMs: endOf(change.until, moment) });
  }
  return overrides;
}

/** The instant that `until` says, in milliseconds since 1970; undefined where it is neither an instant nor a date. */
export function endOf(until: string, { nowMs, calendar }: ChangeMoment): number | undefined {
  if (!isUsageDate(until)) return parseInstant(until);
  const atUtc = Date.parse(until);
  // A date that is over in every zone: calendars do not reach back to the first year.
  return atUtc < nowMs - 7 * DAY_MS ? atUtc : startOfDate(until, calendar);
}

/** What is left where nobody gave the tenant a setting any more. */
export const emptied = (present: StoredSetting, nowMs: number): StoredSetting =>
  withCalendarMemory(present, nowMs, EMPTY_SETTING);

/**
 * A tenant that somebody set to nothing but defaults exists all the same, until it is deleted: its row says the default zone,
 * as an emptied one says nothing.
 */
const made = (setting: StoredSetting): StoredSetting =>
  isSet(setting) ? setting : { ...setting, timeZone: UTC_CALENDAR.timeZone };

/** A value after a change of it: undefined leaves it, null returns it to the default. */
export const merged = <T>(present: T | undefined, change: T | null | undefined): T | undefined =>
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
