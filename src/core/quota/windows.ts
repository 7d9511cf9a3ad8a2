// Which windows a tenant's limits are counted in now. Only TypeScript knows zones, and only the store knows the time, so each
// window is sent three times: the previous, the present and the next one by this process's clock, and the store picks.
import { type CalendarUnit, type Period, periodAt, type TenantCalendar, type UsageDate } from '../time/calendar.js';
import { type EffectiveLimit, isCalendarUnit, type Limit, type WindowUnit } from './limit.js';

/** Dates from `first` to `last`, both included. */
export interface DateRange {
  readonly first: UsageDate;
  readonly last: UsageDate;
}

/** One limit's windows around now, as `ChargeWindow` wants them, and what the ledger needs to know their sums. */
export interface PlannedWindow {
  /** The tenant's counter (`fieldOf`); unique within a plan. */
  readonly field: string;
  /** Undefined: unlimited, counted all the same. */
  readonly limit: number | undefined;
  /** Starts of the previous, the present and the next window, in milliseconds since 1970. */
  readonly starts: readonly [number, number, number];
  /** End of the next window. */
  readonly end: number;
  /** Whether the ledger knows the window's sum: for days, weeks and months. */
  readonly fromLedger: boolean;
  /** The dates of the three windows, by which the ledger keeps its sums; undefined for minutes and hours. */
  readonly dates: readonly [DateRange, DateRange, DateRange] | undefined;
}

/** The windows of one tenant around one instant. */
export interface WindowPlan {
  /** `windows[i]` is that of `limits[i]`; behind them the unlimited day, where no limit counts in the field `day`. */
  readonly windows: readonly PlannedWindow[];
  /** Where the field `day` stands: every decision is labelled with its date. */
  readonly dayIndex: number;
  /** Whether any limited window has a sum in the ledger: without one there is nothing to ask it for. */
  readonly asksLedger: boolean;
  /** First instant at which all of the present windows have begun: from then on the plan may be used again. */
  readonly validFromMs: number;
  /** First instant at which one of the present windows ends: until then the plan may be used again. */
  readonly validUntilMs: number;
}

const UTC_UNIT_MS: Readonly<Record<Exclude<WindowUnit, CalendarUnit>, number>> = { minute: 60_000, hour: 3_600_000 };
const DAY_FIELD = 'day';

/** The counter of a limit: its name where that says the window too, else both, so that a limit whose window changes starts anew. */
export function fieldOf(limit: Pick<Limit, 'name' | 'window'>): string {
  return limit.name === limit.window ? limit.name : `${limit.name}@${limit.window}`;
}

/**
 * Plans the windows of `limits`, in their order, around `nowMs` (milliseconds since 1970, by the best guess of the store's clock).
 * The day is always among them, limited or not: a limit set in mid-day finds what was used.
 */
export function planWindows(limits: readonly EffectiveLimit[], calendar: TenantCalendar, nowMs: number): WindowPlan {
  const windows = limits.map((limit) =>
    plannedWindow(fieldOf(limit), limit.window, limit.limit === 'unlimited' ? undefined : limit.limit, calendar, nowMs),
  );
  const dayOfLimits = windows.findIndex((window) => window.field === DAY_FIELD);
  if (dayOfLimits < 0) windows.push(plannedWindow(DAY_FIELD, 'day', undefined, calendar, nowMs));
  return {
    windows,
    dayIndex: dayOfLimits < 0 ? limits.length : dayOfLimits,
    asksLedger: windows.some((window) => window.fromLedger && window.limit !== undefined),
    validFromMs: Math.max(...windows.map((window) => window.starts[1])),
    validUntilMs: Math.min(...windows.map((window) => window.starts[2])),
  };
}

function plannedWindow(
  field: string,
  unit: WindowUnit,
  limit: number | undefined,
  calendar: TenantCalendar,
  nowMs: number,
): PlannedWindow {
  if (!isCalendarUnit(unit)) {
    const size = UTC_UNIT_MS[unit];
    const start = Math.floor(nowMs / size) * size;
    const starts = [start - size, start, start + size] as const;
    return { field, limit, starts, end: start + 2 * size, fromLedger: false, dates: undefined };
  }
  const present = periodAt(unit, nowMs, calendar);
  const previous = periodAt(unit, present.start - 1, calendar);
  const next = periodAt(unit, present.end, calendar);
  return {
    field,
    limit,
    starts: [previous.start, present.start, next.start],
    end: next.end,
    fromLedger: true,
    dates: [datesOf(previous), datesOf(present), datesOf(next)],
  };
}

const datesOf = (period: Period): DateRange => ({ first: period.firstDate, last: period.lastDate });
