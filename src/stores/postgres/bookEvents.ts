// Events from outside, a batch in one transaction: whoever takes an event's key books what came with it.

import { dayBit, monthOf } from '../../core/usage/activeDays.js';
import type { EventRow } from '../../ports/usageBookings.js';
import { type ActiveUserRow, NO_SUMS } from '../../ports/usageLedger.js';
import { applySums } from './applySums.js';
import type { Database } from './database.js';
import { inTransaction } from './session.js';
import { newOf, withKeyed } from './takeKeyed.js';

/**
 * Returns, for each event, whether it was booked now. The keys come before the days: nobody who holds a day waits for a key of an
 * event, so writers cannot wait for each other in a circle.
 */
export function bookEvents(database: Database, events: readonly EventRow[]): Promise<readonly boolean[]> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const taken = new Set(await newOf(database, session, events));
    const sums = { ...NO_SUMS, ...withKeyed(NO_SUMS, [...taken]), users: usersOf(taken) };
    if (taken.size > 0) await applySums(database, session, sums);
    return events.map((event) => taken.has(event));
  });
}

/** A user's days of one month are one mask: two rows would be an error in one upsert. */
function usersOf(events: Iterable<EventRow>): ActiveUserRow[] {
  const rows = new Map<string, ActiveUserRow>();
  for (const { tenantId, usageDate, userHash } of events) {
    if (userHash === undefined) continue;
    const month = monthOf(usageDate);
    const name = `${month}${userHash.toString('hex')}${tenantId}`;
    rows.set(name, { tenantId, month, userHash, dayMask: (rows.get(name)?.dayMask ?? 0) | dayBit(usageDate) });
  }
  return [...rows.values()];
}
