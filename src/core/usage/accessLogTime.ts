// The time of an access-log line, `[17/May/2015:10:05:03 +0000]`, as an instant.
import { monthLength } from '../time/calendar.js';

/** Bytes from the opening bracket to the closing one. */
const LENGTH = 28;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
// Three letters as one number, so that a month costs one comparison instead of a text.
const packed = (a: number, b: number, c: number): number => (a << 16) | (b << 8) | c;
const MONTH_NUMBERS = new Map(
  MONTHS.map((name, index) => [packed(name.charCodeAt(0), name.charCodeAt(1), name.charCodeAt(2)), index + 1]),
);
/** Longest offset that any place ever had is below 16 hours. */
const MAX_OFFSET_MINUTES = 16 * 60 - 1;
/** No log is older than its format, and a date beyond year 9999 is no `YYYY-MM-DD`. */
const FIRST_YEAR = 1970;
const LAST_YEAR = 9998;

/** A bracket with the shape of a time. */
export interface LogTime {
  /** Offset after the closing bracket. */
  readonly end: number;
  /** Milliseconds since 1970; undefined where no such time exists (30 February, 24:00). */
  readonly instantMs: number | undefined;
}

/**
 * Reads the time whose opening bracket is at `at`. undefined: nothing of that shape stands there before `end`.
 *
 * A leap second (`:60`) counts as the second before it, so that it stays on its own date.
 */
export function readLogTime(bytes: Buffer, at: number, end: number): LogTime | undefined {
  if (at + LENGTH > end || bytes[at + 27] !== 0x5d || bytes[at + 3] !== 0x2f || bytes[at + 7] !== 0x2f)
    return undefined;
  if (bytes[at + 12] !== 0x3a || bytes[at + 15] !== 0x3a || bytes[at + 18] !== 0x3a || bytes[at + 21] !== 0x20)
    return undefined;
  const sign = bytes[at + 22] === 0x2d ? -1 : bytes[at + 22] === 0x2b ? 1 : 0;
  const year = digits(bytes, at + 8, 4);
  const day = digits(bytes, at + 1, 2);
  const hour = digits(bytes, at + 13, 2);
  const minute = digits(bytes, at + 16, 2);
  const second = digits(bytes, at + 19, 2);
  const offsetHours = digits(bytes, at + 23, 2);
  const offsetMinutes = digits(bytes, at + 25, 2);
  // A field that is no number is -1, and so is the smallest of them.
  if (sign === 0 || Math.min(year, day, hour, minute, second, offsetHours, offsetMinutes) < 0) return undefined;
  const month = MONTH_NUMBERS.get(packed(bytes[at + 4] as number, bytes[at + 5] as number, bytes[at + 6] as number));
  const offset = offsetHours * 60 + offsetMinutes;
  const exists =
    month !== undefined &&
    isDate(year, month, day) &&
    hour < 24 &&
    minute < 60 &&
    second <= 60 &&
    offsetMinutes < 60 &&
    offset <= MAX_OFFSET_MINUTES;
  const seconds = hour * 3600 + (minute - sign * offset) * 60 + Math.min(second, 59);
  return {
    end: at + LENGTH,
    instantMs: exists ? (daysSince1970(year, month, day) * 86_400 + seconds) * 1000 : undefined,
  };
}

function digits(bytes: Buffer, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index += 1) {
    const digit = (bytes[index] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const isDate = (year: number, month: number, day: number): boolean =>
  year >= FIRST_YEAR && year <= LAST_YEAR && day >= 1 && day <= monthLength(year, month);

/** Days of the Gregorian calendar, counted from March so that the leap day comes last. `Date.UTC` is four times as slow. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - 719_468;
}
