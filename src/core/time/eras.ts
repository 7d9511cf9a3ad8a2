// What a change of zone or anchor does to the period that is running. Each setting rules an era; between two eras lies the
// period in which the change fell, and it is stretched: it ends, not before its old end, where a day begins that the new
// setting counts to a later label. So no label is ever given twice, and toggling a zone grants no second day.
// (Naive: the new windows at once. From Auckland to New York the same date begins again, with its whole limit.)
import type { CalendarSetting, CalendarUnit, TenantCalendar } from './calendarSetting.js';
import { firstDayOf, labelOf } from './unitLabel.js';
import { type Zone, zoneOf } from './zone.js';

/** One day, week or month: its label (unitLabel.ts) and its instants. */
export interface Span {
  readonly label: number;
  readonly start: number;
  readonly end: number;
}

/** The time in which one setting makes the periods of a unit. */
export interface Era {
  /** First instant; -Infinity for the oldest setting that is known. */
  readonly from: number;
  readonly zone: Zone;
  readonly anchorDay: number;
  /** The period in which the next change fell, stretched; undefined in the present setting's era. */
  readonly last?: Span;
}

/** A calendar's eras, oldest first, for each unit. Never empty: the last one is that of the present setting. */
export type Eras = Readonly<Record<CalendarUnit, readonly Era[]>>;

/** Lays out a calendar's settings in time. */
export function erasOf(calendar: TenantCalendar): Eras {
  const settings: readonly CalendarSetting[] = [...calendar.earlier, calendar];
  const oldest = eraFrom(Number.NEGATIVE_INFINITY, settings[0] as CalendarSetting);
  let eras: Eras = { day: [oldest], week: [oldest], month: [oldest] };
  for (const [index, change] of calendar.earlier.entries()) {
    eras = changed(eras, change.until, settings[index + 1] as CalendarSetting);
  }
  return eras;
}

/** The period of `unit` that holds an instant. */
export function spanAt(unit: CalendarUnit, eras: Eras, instantMs: number): Span {
  const era = eras[unit].findLast((one) => one.from <= instantMs) as Era;
  if (era.last !== undefined && instantMs >= era.last.start) return era.last;
  const label = labelOf(unit, era.zone.dayAt(instantMs), era.anchorDay);
  const start = era.zone.startOf(firstDayOf(unit, label, era.anchorDay));
  const end = era.zone.startOf(firstDayOf(unit, label + 1, era.anchorDay));
  return { label, start: Math.max(start, era.from), end };
}

const eraFrom = (from: number, setting: CalendarSetting): Era => ({
  from,
  zone: zoneOf(setting.timeZone),
  anchorDay: setting.billingAnchorDay,
});

function changed(eras: Eras, at: number, setting: CalendarSetting): Eras {
  const running = spanAt('day', eras, at);
  const day = changedUnit('day', eras, at, eraFrom(running.end, setting));
  // Days must come first: weeks and months may only end where one of the new days begins.
  const dayEnd = (day.at(-1) as Era).from;
  const firstDayFrom = (instantMs: number): number =>
    instantMs <= dayEnd ? dayEnd : dayStartFrom(zoneOf(setting.timeZone), instantMs);
  const later = (unit: 'week' | 'month'): readonly Era[] =>
    changedUnit(unit, eras, at, eraFrom(firstDayFrom(spanAt(unit, eras, at).end), setting));
  return { day, week: later('week'), month: later('month') };
}

/** The unit's eras after a change. `earliest.from` is the first instant at which the running period may end. */
function changedUnit(unit: CalendarUnit, eras: Eras, at: number, earliest: Era): readonly Era[] {
  const running = spanAt(unit, eras, at);
  const { zone, anchorDay } = earliest;
  const isLater = labelOf(unit, zone.dayAt(earliest.from), anchorDay) > running.label;
  const end = isLater ? earliest.from : zone.startOf(firstDayOf(unit, running.label + 1, anchorDay));
  // An era that had not begun never will: the running period was still the one of the change before.
  const begun = eras[unit].filter((era) => era.from <= at);
  const present = begun.pop() as Era;
  return [...begun, { ...present, last: { ...running, end } }, { ...earliest, from: end }];
}

/** The first instant, not before `instantMs`, at which a day of the zone begins. */
function dayStartFrom(zone: Zone, instantMs: number): number {
  const day = zone.dayAt(instantMs);
  return zone.startOf(day) === instantMs ? instantMs : zone.startOf(day + 1);
}
