// Changes of a storage level: each booked once under its key, and its days integrated in the same transaction.
import { TallygateError } from '../../core/errors.js';
import { MAX_COUNT } from '../../core/quota/limit.js';
import type { StorageChange, StorageChangeOutcome } from '../../ports/usageBookings.js';
import { NO_SUMS } from '../../ports/usageLedger.js';
import { applySums } from './applySums.js';
import { onlyRow, textOf } from './columns.js';
import type { Database } from './database.js';
import { readBookingKey, takeBookingKey } from './postgres.generated.js';
import { inTransaction } from './session.js';

/** The key comes before the tenant's storage row: whoever holds that row waits for no key of this kind. */
export function addStorage(database: Database, change: StorageChange): Promise<StorageChangeOutcome> {
  const { tenantId, atMs, bytes } = change;
  const [key, content] = [change.key.toString('hex'), change.content.toString('hex')];
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    // The table holds sums, and could not tell.
    if (!Number.isSafeInteger(bytes)) throw refused(bytes);
    const [taken] = await session.query(database.sql(takeBookingKey), [tenantId, key, content, String(atMs)]);
    if (taken === undefined) {
      // A statement of its own: only one that begins after the conflict sees the row of a rival that has just committed.
      const present = onlyRow(await session.query(database.sql(readBookingKey), [tenantId, key]));
      if (textOf(present, 'content') !== content) return { outcome: 'conflict' };
      return { outcome: 'repeated', atMs: Number(textOf(present, 'answer')) };
    }
    const point = { tenantId, atSeconds: Math.floor(atMs / 1000), bytes, id: '', kind: 'add' } as const;
    await applySums(database, session, { ...NO_SUMS, storage: [point] });
    return { outcome: 'booked', atMs };
  });
}

const refused = (bytes: number): TallygateError =>
  new TallygateError('ledger_refused', `expected whole bytes from -${MAX_COUNT} to ${MAX_COUNT}, got ${bytes}`);
