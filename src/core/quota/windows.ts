// Which windows a tenant's limits are counted in now. Only TypeScript knows zones, and only the store knows the time, so each fixed
// window is sent three times: the previous, the present and the next one by this process's clock, and the store picks. A sliding one
// is cut by the store's clock alone.
import { type CalendarUnit, type Period, periodAt, type TenantCalendar, type UsageDate } from '../time/calendar.js';
import type { ChargeWindow, FixedWindow, SlidingWindow } from './chargeRequest.js';
import { type EffectiveLimit, isCalendarUnit, isSliding, type Limit, type WindowUnit } from './limit.js';
import { segmentMsOf } from './slidingWindow.js';

/** Dates from `first` to `last`, both included. */
export interface DateRange {
  readonly first: UsageDate;
  readonly last: UsageDate;
}

/** A fixed window around now, and what the ledger needs to know its sum. */
export interface PlannedFixed extends FixedWindow {
  /** The dates of the three windows, by which the ledger keeps its sums; undefined for minutes and hours. */
  readonly dates: readonly [DateRange, DateRange, DateRange] | undefined;
}

/** One limit's window around now. */
export type PlannedWindow = PlannedFixed | SlidingWindow;

/** The windows of one tenant around one instant. */
export interface WindowPlan {
  /** `windows[i]` is that of `limits[i]`; behind them the unlimited day, where no limit counts in the field `day`. */
  readonly windows: readonly PlannedWindow[];
  /** Where the field `day` stands: every decision is labelled with its date. */
  readonly dayIndex: number;
  /** The meters of the team's own that any of the limits counts; undefined: none. A window's `meter` is the place here, from 1. */
  readonly meters: readonly string[] | undefined;
  /** Whether any limited window has a sum in the ledger: without one there is nothing to ask it for. */
  readonly asksLedger: boolean;
  /** Whether every window is a fixed one: only then can units be leased. */
  readonly isFixed: boolean;
  /** First instant at which all of the present windows have begun: from then on the plan may be used again. */
  readonly validFromMs: number;
  /** First instant at which one of the present windows ends: until then the plan may be used again. */
  readonly validUntilMs: number;
}

const UTC_UNIT_MS: Readonly<Record<Exclude<WindowUnit, CalendarUnit>, number>> = { minute: 60_000, hour: 3_600_000 };
const DAY_FIELD = 'day';

/** Whether a window of a request is a fixed one. */
export const isFixedWindow = <W extends ChargeWindow>(window: W): window is Extract<W, FixedWindow> =>
  'starts' in window;

/** The meter of the team's own that a window counts; undefined: own units. @param meters those of its request or plan */
export const meterNameOf = (
  { meter = 0 }: Pick<ChargeWindow, 'meter'>,
  meters: readonly string[] | undefined,
): string | undefined => meters?.[meter - 1];

/** Whether the ledger knows the sum of a window that has a limit. */
export const isInLedger = (window: PlannedWindow): window is PlannedFixed =>
  isFixedWindow(window) && window.fromLedger && window.limit !== undefined;

/**
 * The counter of a limit: its name where that says the window too, else both, so that a limit whose window changes starts anew, as
 * one does that counts another meter.
 */
export function fieldOf({ name, window, meter }: Pick<Limit, 'name' | 'window' | 'meter'>): string {
  const counted = meter === undefined ? '' : `#${meter}`;
  if (isSliding(window)) return `${name}~${window.seconds}${counted}`;
  return name === window ? name : `${name}@${window}${counted}`;
}

/**
 * Plans the windows of `limits`, in their order, around `nowMs` (milliseconds since 1970, by the best guess of the store's clock).
 * The day is always among them, limited or not: a limit set in mid-day finds what was used.
 */
export function planWindows(limits: readonly EffectiveLimit[], calendar: TenantCalendar, nowMs: number): WindowPlan {
  const named = [...new Set(limits.flatMap(({ meter }) => meter ?? []))];
  const windows = limits.map((limit) => withMeter(plannedWindow(limit, calendar, nowMs), named, limit.meter));
  const dayOfLimits = windows.findIndex((window) => window.field === DAY_FIELD);
  if (dayOfLimits < 0) windows.push(plannedWindow(UNLIMITED_DAY, calendar, nowMs));
  const fixed = windows.filter(isFixedWindow);
  return {
    windows,
    dayIndex: dayOfLimits < 0 ? limits.length : dayOfLimits,
    meters: named.length === 0 ? undefined : named,
    asksLedger: windows.some(isInLedger),
    isFixed: fixed.length === windows.length,
    validFromMs: Math.max(...fixed.map((window) => window.starts[1])),
    validUntilMs: Math.min(...fixed.map((window) => window.starts[2])),
  };
}

type PlannedLimit = Pick<EffectiveLimit, 'name' | 'limit' | 'window' | 'enforce' | 'meter'>;

const UNLIMITED_DAY: PlannedLimit = { name: DAY_FIELD, window: 'day', limit: 'unlimited', enforce: 'hard' };

/** With the place of its meter among those that are named. */
const withMeter = (window: PlannedWindow, meters: readonly string[], meter: string | undefined): PlannedWindow =>
  meter === undefined ? window : { ...window, meter: 1 + meters.indexOf(meter) };

function plannedWindow(planned: PlannedLimit, calendar: TenantCalendar, nowMs: number): PlannedWindow {
  const { window } = planned;
  const limit = planned.limit === 'unlimited' ? undefined : planned.limit;
  const counter = { field: fieldOf(planned), limit, denies: limit !== undefined && planned.enforce === 'hard' };
  if (isSliding(window)) return { ...counter, segmentMs: segmentMsOf(window.seconds) };
  const fixed = { ...counter, tellAt: tellAtOf(limit) };
  if (!isCalendarUnit(window)) {
    const size = UTC_UNIT_MS[window];
    const start = Math.floor(nowMs / size) * size;
    const starts = [start - size, start, start + size] as const;
    return { ...fixed, starts, end: start + 2 * size, fromLedger: false, dates: undefined };
  }
  const present = periodAt(window, nowMs, calendar);
  const previous = periodAt(window, present.start - 1, calendar);
  const next = periodAt(window, present.end, calendar);
  return {
    ...fixed,
    starts: [previous.start, present.start, next.start],
    end: next.end,
    fromLedger: true,
    dates: [datesOf(previous), datesOf(present), datesOf(next)],
  };
}

/** Four fifths of a limit, rounded up. A limit of 0 has no threshold: it is reached before it begins. */
const tellAtOf = (limit: number | undefined): number | undefined =>
  limit === undefined || limit === 0 ? undefined : limit - Math.floor(limit / 5);

const datesOf = (period: Period): DateRange => ({ first: period.firstDate, last: period.lastDate });
