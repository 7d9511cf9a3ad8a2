// Which days may be asked for at once.
import type { Fault } from '../errors.js';
import { daysBetween, isUsageDate, type UsageDate } from '../time/calendar.js';

/** Days of a tenant that are asked for, both inclusive. */
export interface UsagePeriod {
  readonly from: UsageDate;
  readonly to: UsageDate;
}

/** Most days of one report, both ends counted: a leap year. */
const MAX_PERIOD_DAYS = 366;

/** All that is wrong with a period, at `from` and `to`. Both absent is no fault: then the current month is meant. */
export function usagePeriodFaults(from: string | undefined, to: string | undefined): Fault[] {
  if (from === undefined && to === undefined) return [];
  const faults = [...dateFaults('from', from), ...dateFaults('to', to)];
  if (faults.length > 0 || from === undefined || to === undefined) return faults;
  const days = daysBetween(from, to) + 1;
  if (days < 1) return [{ location: 'from', message: `expected a day not after ${to}, got ${from}` }];
  if (days > MAX_PERIOD_DAYS) {
    return [{ location: 'to', message: `expected at most ${MAX_PERIOD_DAYS} days, both ends counted, got ${days}` }];
  }
  return [];
}

function dateFaults(location: string, date: string | undefined): Fault[] {
  if (date === undefined) return [{ location, message: 'expected a date YYYY-MM-DD, since the other end is given' }];
  if (isUsageDate(date)) return [];
  return [{ location, message: `expected a date YYYY-MM-DD that exists, got ${JSON.stringify(date.slice(0, 40))}` }];
}
