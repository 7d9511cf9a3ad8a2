// Instants as text: ISO 8601 with an offset from UTC, as RFC 3339 has it, the seconds optional.
import { isUsageDate } from './usageDate.js';

const INSTANT = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** The instant that `text` writes, in whole milliseconds since 1970; undefined where it is none, such as one on a February 30th. */
export function parseInstant(text: string): number | undefined {
  // Date.parse alone takes February 30th for March 1st.
  const date = INSTANT.exec(text)?.[1];
  if (date === undefined || !isUsageDate(date)) return undefined;
  const instantMs = Date.parse(text);
  return Number.isNaN(instantMs) ? undefined : instantMs;
}
