// Storage days worked out once more, from the points that are kept, to hold the days that are stored against.
import { dateAt, periodAt, type TenantCalendar, type UsageDate } from '../time/calendar.js';
import { integrateDay, type StorageDay, type StorageLevel, type StoragePoint } from './storageIntegral.js';

/** By date: each day that has points, with the level that the one before it left. `points`: in the order of time. */
export function storageDaysOf(
  points: readonly StoragePoint[],
  levelBefore: StorageLevel | undefined,
  calendar: TenantCalendar,
): ReadonlyMap<UsageDate, StorageDay> {
  const byDate = new Map<UsageDate, StoragePoint[]>();
  for (const point of points) {
    const date = dateAt(point.atSeconds * 1000, calendar);
    const ofDate = byDate.get(date);
    if (ofDate === undefined) byDate.set(date, [point]);
    else ofDate.push(point);
  }
  const days = new Map<UsageDate, StorageDay>();
  let level = levelBefore;
  for (const [date, ofDay] of byDate) {
    const [first] = ofDay;
    const period = first && periodAt('day', first.atSeconds * 1000, calendar);
    const day = period && integrateDay(ofDay, level, period);
    if (day === undefined) continue;
    days.set(date, day);
    level = { bytes: day.lastBytes, atSeconds: day.lastAtSeconds };
  }
  return days;
}

export const isSameDay = (one: StorageDay, other: StorageDay): boolean =>
  one.byteMs === other.byteMs &&
  one.coveredMs === other.coveredMs &&
  one.peakBytes === other.peakBytes &&
  one.lastBytes === other.lastBytes &&
  one.lastAtSeconds === other.lastAtSeconds;
