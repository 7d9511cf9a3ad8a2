// What a limit is: a name, a number, a window. Names become header names and counter fields.
import type { CalendarUnit } from '../time/calendar.js';

/** The largest number that Tallygate counts to: JavaScript and Redis's Lua are exact up to here. Sums saturate at it. */
export const MAX_COUNT = Number.MAX_SAFE_INTEGER;

/** Whether `value` is something that can be counted: a whole number from 0 to {@link MAX_COUNT}. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** The fixed windows. Minute and hour are aligned to UTC; day, week (from Monday) and month (from the anchor day) are the tenant's. */
export type WindowUnit = 'minute' | 'hour' | CalendarUnit;

/** All fixed windows, shortest first. */
export const WINDOW_UNITS: readonly WindowUnit[] = ['minute', 'hour', 'day', 'week', 'month'];

/** The units whose sums the ledger knows, so that a counter store which forgot them asks the ledger. */
export const isCalendarUnit = (unit: WindowUnit): unit is CalendarUnit => unit !== 'minute' && unit !== 'hour';

/** A sliding window: never more than the limit in any `seconds` seconds. */
export interface SlidingSpan {
  /** Whole, from 1 to 86,400. */
  readonly seconds: number;
}

/** The longest sliding window, in seconds: a day. What is longer belongs to a calendar window, which the ledger knows. */
export const MAX_SLIDING_SECONDS = 86_400;

/** The span that a limit's number is for: a fixed window, or a sliding one. */
export type LimitWindow = WindowUnit | SlidingSpan;

/** Whether a limit's window slides. */
export const isSliding = (window: LimitWindow): window is SlidingSpan => typeof window === 'object';

/**
 * What a limit does with a request that does not fit. `hard` refuses it. `soft` lets it pass and counts what is above the limit as
 * overage. `shadow` lets it pass and reports that it would have been refused.
 */
export type Enforcement = 'hard' | 'soft' | 'shadow';

/** A limit of a plan. */
export interface Limit {
  /** `[a-z][a-z0-9-]{0,31}`; a name that is also a window's (`minute`) must have that window. Unique within a plan. */
  readonly name: string;
  /** Quota units in one window, a whole number from 0 to 2^53-1 (0 refuses everything), or `'unlimited'`. */
  readonly limit: number | 'unlimited';
  /** The span that the number is for. */
  readonly window: LimitWindow;
  /** @defaultValue `hard` */
  readonly enforce?: Enforcement;
  /** A declared counter of the team's own whose amounts are counted. Left out: the quota's own units. */
  readonly meter?: string;
}

/** What a limit's name looks like: it becomes a part of a header's name and stands unquoted in structured fields. */
export const LIMIT_NAME_PATTERN = /^[a-z][a-z0-9-]{0,31}$/;

/** Where the number of a limit comes from: the tenant's own, its plan's, or the default plan of a tenant that has none. */
export type LimitSource = 'override' | 'plan' | 'default';

/** A limit as it holds for one tenant. */
export interface EffectiveLimit extends Limit {
  readonly enforce: Enforcement;
  readonly source: LimitSource;
  /** First instant at which an override no longer holds, in milliseconds since 1970; absent where it has no end. */
  readonly untilMs?: number;
}
