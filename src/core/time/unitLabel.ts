// Which week or billing month a date belongs to, as a number that grows by one from each to the next. No zones here: these are
// laws of dates alone. A label is the identity of a period: a change of setting may stretch a period, never repeat its label.
import type { CalendarUnit } from './calendarSetting.js';
import { DAY_MS, dayNumber, monthLength } from './usageDate.js';

/** Day number of Monday, 1969-12-29: week 0 begins there. */
const FIRST_MONDAY = -3;

/**
 * The label of the period of `unit` that holds a day: its day number, weeks since that of 1969-12-29, or months since
 * January of the year 0. A billing month is named after the month in which it begins.
 */
export function labelOf(unit: CalendarUnit, day: number, anchorDay: number): number {
  if (unit === 'day') return day;
  if (unit === 'week') return Math.floor((day - FIRST_MONDAY) / 7);
  const date = new Date(day * DAY_MS);
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth();
  return day >= firstDayOf('month', month, anchorDay) ? month : month - 1;
}

/** The day number of the first day of a label. An anchor past the end of a month is its last day: 31 begins on 29 February. */
export function firstDayOf(unit: CalendarUnit, label: number, anchorDay: number): number {
  if (unit === 'day') return label;
  if (unit === 'week') return label * 7 + FIRST_MONDAY;
  const year = Math.floor(label / 12);
  const month = label - year * 12 + 1;
  return dayNumber(year, month, Math.min(anchorDay, monthLength(year, month)));
}
