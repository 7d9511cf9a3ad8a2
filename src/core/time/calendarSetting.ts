// What a tenant's calendar is made of, and what it makes: the words that the rest of this room shares. Outsiders take them
// from calendar.ts.
import type { UsageDate } from './usageDate.js';

/** What a calendar is made of. */
export interface CalendarSetting {
  /** An IANA name such as `Europe/Berlin`; never an offset. */
  readonly timeZone: string;
  /** The day of the month on which a billing month begins, 1 to 31; clamped to the last day of shorter months. */
  readonly billingAnchorDay: number;
}

/** A setting that held before the present one. */
export interface EarlierCalendar extends CalendarSetting {
  /** The instant of the change that ended it, in milliseconds since 1970, by the database's clock. */
  readonly until: number;
}

/**
 * A tenant's calendar. `earlier` holds the settings of the last months, oldest first: a change never repeats a date, so
 * the period that was running when a setting changed still ends by rules that involve the old one.
 */
export interface TenantCalendar extends CalendarSetting {
  readonly earlier: readonly EarlierCalendar[];
}

/** The units of time that follow a tenant's calendar. Minutes and hours do not: they are aligned to UTC. */
export type CalendarUnit = 'day' | 'week' | 'month';

/** One day, week or billing month of a tenant. Periods of one unit tile time: each ends where the next begins. */
export interface Period {
  /** First instant, in milliseconds since 1970. */
  readonly start: number;
  /** First instant after it. */
  readonly end: number;
  readonly firstDate: UsageDate;
  readonly lastDate: UsageDate;
}

/** The calendar of a tenant that has no setting. */
export const UTC_CALENDAR: TenantCalendar = { timeZone: 'UTC', billingAnchorDay: 1, earlier: [] };
