// Arithmetic on dates as text. Inside this room a date is a day number, whole days since 1970-01-01; outside it is `YYYY-MM-DD`,
// and never a `Date`: that is an instant, and which date it falls on depends on who asks.

/** A date as `YYYY-MM-DD`, in some tenant's calendar. Days travel as text everywhere, never as a `Date`. */
export type UsageDate = string;

/** Milliseconds of a day of UTC. Days of other zones have between 0 and 48 hours. */
export const DAY_MS = 86_400_000;

const DATE_PATTERN = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Whether `text` is exactly `YYYY-MM-DD` and a real date of the years 0001 to 9999. */
export function isUsageDate(text: string): boolean {
  const match = DATE_PATTERN.exec(text);
  if (match === null || match[1] === '0000') return false;
  const month = Number(match[2]);
  return month >= 1 && month <= 12 && Number(match[3]) >= 1 && Number(match[3]) <= monthLength(Number(match[1]), month);
}

/** The date `days` after `date`; before it where `days` is negative. */
export function addDays(date: UsageDate, days: number): UsageDate {
  return dateOfDayNumber(dayNumberOf(date) + days);
}

/** `to - from` in days: 0 for the same date, negative where `to` comes first. */
export function daysBetween(from: UsageDate, to: UsageDate): number {
  return dayNumberOf(to) - dayNumberOf(from);
}

/** All dates from `from` to `to`, both included; none where `from` comes after `to`. The caller bounds the range. */
export function datesBetween(from: UsageDate, to: UsageDate): UsageDate[] {
  const first = dayNumberOf(from);
  return Array.from({ length: Math.max(0, daysBetween(from, to) + 1) }, (_, index) => dateOfDayNumber(first + index));
}

/** The first day of the calendar month of `date`, which is no billing month: the usage API's default range begins there. */
export function firstOfMonth(date: UsageDate): UsageDate {
  return `${date.slice(0, 8)}01`;
}

/** Days since 1970-01-01 of a valid date. */
export function dayNumberOf(date: UsageDate): number {
  return dayNumber(Number(date.slice(0, 4)), Number(date.slice(5, 7)), Number(date.slice(8, 10)));
}

/** Days since 1970-01-01. `month` counts from 1. */
export function dayNumber(year: number, month: number, day: number): number {
  // Not Date.UTC: that takes the years 0 to 99 for 1900 to 1999.
  return new Date(0).setUTCFullYear(year, month - 1, day) / DAY_MS;
}

/** The date of a day number of the years 0001 to 9999. */
export function dateOfDayNumber(day: number): UsageDate {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Days of a month, 28 to 31. `month` counts from 1. */
export function monthLength(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}
