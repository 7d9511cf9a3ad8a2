// When each date begins in a time zone, from the runtime's own zone data (Intl). A date begins at the first instant at which
// the zone's clocks show it or a later one: midnights are skipped (Beirut), dates are skipped (Apia, 2011-12-30), and clocks
// that go back over midnight show the old date again for a while, which is then no longer it.
import { TallygateError } from '../errors.js';
import { DAY_MS, dayNumber } from './usageDate.js';

/** A zone's days by number. Instants are milliseconds since 1970. */
export interface Zone {
  /** First instant of a day; for a date that the zone skipped that of the next day, so that it is empty. */
  startOf(day: number): number;
  /** The day that holds an instant. */
  dayAt(instantMs: number): number;
}

/** Zones kept, by the name that was asked for: there are 600 names, but their case is free. */
const MAX_ZONES = 1024;
/** Formatters kept: each costs 50 KB and 200 us to make, and is needed only when a day of its zone is looked at first. */
const MAX_FORMATTERS = 64;
/** Starts of days kept in a zone: 5 years of 366 days. */
const MAX_STARTS = 1830;
/** No zone was ever farther from UTC (the widest are the local mean times of Juneau and Manila, up to 15:56). */
const WIDEST_OFFSET_MS = 16 * 3_600_000;

const NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

const zones = new Map<string, Zone>();
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether `name` is an IANA time zone that this runtime knows. Offsets such as `+05:30` are none, though later runtimes take them. */
export function isTimeZone(name: string): boolean {
  return NAME_PATTERN.test(name) && newFormatter(name) !== undefined;
}

/** The zone of that name. Throws `invalid_configuration` where the runtime knows none. */
export function zoneOf(name: string): Zone {
  return zones.get(name) ?? keep(zones, name, MAX_ZONES, newZone(name));
}

function newZone(name: string): Zone {
  const formatter = formatterOf(name);
  return formatter.resolvedOptions().timeZone === 'UTC' ? UTC : zoneOfStarts((day) => findStart(name, day));
}

const UTC: Zone = {
  startOf: (day) => day * DAY_MS,
  dayAt: (instantMs) => Math.floor(instantMs / DAY_MS),
};

function zoneOfStarts(find: (day: number) => number): Zone {
  const starts = new Map<number, number>();
  const startOf = (day: number): number => starts.get(day) ?? keep(starts, day, MAX_STARTS, find(day));
  const dayAt = (instantMs: number): number => {
    // UTC's date is at most one off, and a skipped date is passed over: its start is not before the next one's.
    let day = Math.floor(instantMs / DAY_MS);
    while (startOf(day) > instantMs) day -= 1;
    while (startOf(day + 1) <= instantMs) day += 1;
    return day;
  };
  return { startOf, dayAt };
}

/**
 * The first instant at which the zone's clocks show the day's midnight or anything later. Between the two ends of the search
 * lies at most one transition: tzdata knows no two within 95 hours, in any zone since 1900.
 */
function findStart(name: string, day: number): number {
  const midnight = day * DAY_MS;
  const from = midnight - WIDEST_OFFSET_MS;
  const to = midnight + WIDEST_OFFSET_MS;
  const offset = offsetAt(name, from);
  const laterOffset = offsetAt(name, to);
  if (offset === laterOffset) return midnight - offset;
  const transition = transitionBetween(name, from, to, offset);
  return midnight - offset < transition ? midnight - offset : Math.max(transition, midnight - laterOffset);
}

/** First instant after `from` at which the offset is no longer `offset`. Transitions fall on whole seconds. */
function transitionBetween(name: string, from: number, to: number, offset: number): number {
  let before = from / 1000;
  let after = to / 1000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(name, middle * 1000) === offset) before = middle;
    else after = middle;
  }
  return after * 1000;
}

/** What the zone's clocks show less UTC, in milliseconds. `instantMs` is a whole second. */
function offsetAt(name: string, instantMs: number): number {
  const shown = formatterOf(name).format(instantMs).match(/\d+/g) as RegExpMatchArray;
  const [month, day, year, hour, minute, second] = shown.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return dayNumber(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 - instantMs;
}

function formatterOf(name: string): Intl.DateTimeFormat {
  const known = formatters.get(name);
  if (known !== undefined) return known;
  const made = NAME_PATTERN.test(name) ? newFormatter(name) : undefined;
  if (made !== undefined) return keep(formatters, name, MAX_FORMATTERS, made);
  throw new TallygateError('invalid_configuration', `time zone: expected an IANA name, got ${JSON.stringify(name)}`);
}

function newFormatter(timeZone: string): Intl.DateTimeFormat | undefined {
  const number = 'numeric';
  const fields = { year: number, month: number, day: number, hour: number, minute: number, second: number } as const;
  try {
    return new Intl.DateTimeFormat('en-US', { ...fields, timeZone, hourCycle: 'h23', calendar: 'gregory' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Remembers a value; where the map is full the one that was put in first makes room. */
function keep<K, V>(map: Map<K, V>, key: K, most: number, value: V): V {
  for (const oldest of map.keys()) {
    if (map.size < most) break;
    map.delete(oldest);
  }
  map.set(key, value);
  return value;
}
