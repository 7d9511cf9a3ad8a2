// A tenant's dates, weeks and months as instants: time zones with their gaps and repeats, the billing anchor day, and what
// holds while a change of either is under way. Pure: the runtime's time-zone data is its only source.
import { TallygateError } from '../errors.js';
import type { CalendarUnit, Period, TenantCalendar } from './calendarSetting.js';
import { type Eras, erasOf, spanAt } from './eras.js';
import { DAY_MS, dateOfDayNumber, dayNumberOf, type UsageDate } from './usageDate.js';

export {
  type CalendarSetting,
  type CalendarUnit,
  type EarlierCalendar,
  type Period,
  type TenantCalendar,
  UTC_CALENDAR,
} from './calendarSetting.js';
export { parseInstant } from './instant.js';
export {
  addDays,
  datesBetween,
  daysBetween,
  firstOfMonth,
  isUsageDate,
  monthLength,
  type UsageDate,
} from './usageDate.js';
export { isTimeZone } from './zone.js';

/** 0001-01-01 and 10000-01-01: dates outside have no `YYYY-MM-DD`. */
const FIRST_INSTANT = -62_135_596_800_000;
const END_OF_TIME = 253_402_300_800_000;

/**
 * The day, week or billing month of a tenant that holds an instant.
 *
 * @param instantMs - Milliseconds since 1970, of the years 0001 to 9999; anything else throws `invalid_request`.
 */
export function periodAt(unit: CalendarUnit, instantMs: number, calendar: TenantCalendar): Period {
  const timeline = timelineOf(calendar);
  const recent = timeline.recent[unit];
  const known = recent.find((period) => period.start <= instantMs && instantMs < period.end);
  if (known !== undefined) return known;
  if (!(instantMs >= FIRST_INSTANT && instantMs < END_OF_TIME)) {
    throw new TallygateError('invalid_request', `instant: expected one of the years 0001 to 9999, got ${instantMs}`);
  }
  const period = newPeriod(unit, instantMs, timeline.eras);
  if (recent.unshift(period) > MAX_RECENT) recent.pop();
  return period;
}

/** The date of an instant in a tenant's calendar. Throws as `periodAt`. */
export function dateAt(instantMs: number, calendar: TenantCalendar): UsageDate {
  return periodAt('day', instantMs, calendar).firstDate;
}

/** The day of a date, or undefined where it never happens: its zone skipped it, or a change of zone did. */
export function dayOf(date: UsageDate, calendar: TenantCalendar): Period | undefined {
  const day = dayFrom(date, calendar);
  return day.firstDate === date ? day : undefined;
}

/** The first instant of a date; where it never happens, that of the next one that does. In milliseconds since 1970. */
export const startOfDate = (date: UsageDate, calendar: TenantCalendar): number => dayFrom(date, calendar).start;

/** The first day that has this date or a later one. */
function dayFrom(date: UsageDate, calendar: TenantCalendar): Period {
  let day = periodAt('day', dayNumberOf(date) * DAY_MS, calendar);
  while (day.firstDate > date) day = periodAt('day', day.start - 1, calendar);
  while (day.firstDate < date) day = periodAt('day', day.end, calendar);
  return day;
}

function newPeriod(unit: CalendarUnit, instantMs: number, eras: Eras): Period {
  const { start, end } = spanAt(unit, eras, instantMs);
  const date = (at: number): UsageDate => dateOfDayNumber(spanAt('day', eras, at).label);
  return { start, end, firstDate: date(start), lastDate: date(end - 1) };
}

/** A calendar laid out in time, and the periods that were asked for last. */
interface Timeline {
  readonly eras: Eras;
  readonly recent: Readonly<Record<CalendarUnit, Period[]>>;
}

/** Periods kept a unit: the previous, the present and the next one that a decision is sent with, and one to spare. */
const MAX_RECENT = 4;
/** Timelines shared by all tenants of one zone and anchor that never changed either. */
const MAX_SHARED = 2048;

const timelines = new WeakMap<TenantCalendar, Timeline>();
const shared = new Map<string, Timeline>();

function timelineOf(calendar: TenantCalendar): Timeline {
  const known = timelines.get(calendar);
  if (known !== undefined) return known;
  const made = calendar.earlier.length === 0 ? sharedTimeline(calendar) : newTimeline(calendar);
  timelines.set(calendar, made);
  return made;
}

function sharedTimeline(calendar: TenantCalendar): Timeline {
  const key = `${calendar.timeZone} ${calendar.billingAnchorDay}`;
  const known = shared.get(key);
  if (known !== undefined) return known;
  const made = newTimeline(calendar);
  if (shared.size >= MAX_SHARED) shared.clear();
  shared.set(key, made);
  return made;
}

const newTimeline = (calendar: TenantCalendar): Timeline => ({
  eras: erasOf(calendar),
  recent: { day: [], week: [], month: [] },
});
