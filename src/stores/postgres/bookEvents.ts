// Events from outside, a batch in one transaction: whoever takes an event's key books what came with it.

import { TallygateError } from '../../core/errors.js';
import { isCount, MAX_COUNT } from '../../core/quota/limit.js';
import { dayBit, monthOf } from '../../core/usage/activeDays.js';
import type { EventRow } from '../../ports/usageBookings.js';
import type { ActiveUserRow, CallRow } from '../../ports/usageLedger.js';
import { applySums } from './applySums.js';
import { textOf } from './columns.js';
import type { Database } from './database.js';
import { takeKeys } from './postgres.generated.js';
import { inTransaction } from './session.js';

/**
 * Returns, for each event, whether it was booked now. The keys come before the days: nobody who holds a day waits for a key of an
 * event, so writers cannot wait for each other in a circle.
 */
export function bookEvents(database: Database, events: readonly EventRow[]): Promise<readonly boolean[]> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const firsts = new Map<string, EventRow>();
    for (const event of events) {
      // A negative count could hide in the sum of its day, which is all that the table checks.
      if (!isCount(event.apiCalls)) throw refused(event.apiCalls);
      const name = nameOf(event.tenantId, event.key.toString('hex'));
      if (!firsts.has(name)) firsts.set(name, event);
    }
    const asked = [...firsts.values()];
    const rows = await session.query(database.sql(takeKeys), [
      asked.map((event) => event.tenantId),
      asked.map((event) => event.key.toString('hex')),
    ]);
    const taken = new Set<EventRow>();
    for (const row of rows) {
      const event = firsts.get(nameOf(textOf(row, 'tenant_id'), textOf(row, 'key')));
      if (event !== undefined) taken.add(event);
    }
    const [calls, users] = [callsOf(taken), usersOf(taken)];
    if (taken.size > 0) await applySums(database, session, { calls, users, charges: [], storage: [], commits: [] });
    return events.map((event) => taken.has(event));
  });
}

const refused = (apiCalls: number): TallygateError =>
  new TallygateError('ledger_refused', `expected the calls of an event from 0 to ${MAX_COUNT}, got ${apiCalls}`);

/** The key first: it has one length, so no two pairs run together. */
const nameOf = (tenantId: string, key: string): string => `${key}${tenantId}`;

function callsOf(events: Iterable<EventRow>): CallRow[] {
  const rows = new Map<string, CallRow>();
  for (const { tenantId, usageDate, apiCalls } of events) {
    const name = `${usageDate}${tenantId}`;
    const sum = (rows.get(name)?.apiCalls ?? 0) + apiCalls;
    rows.set(name, { tenantId, usageDate, apiCalls: Math.min(MAX_COUNT, sum) });
  }
  return [...rows.values()];
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
