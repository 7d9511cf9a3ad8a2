// What identifies a ledger: made by whoever asks first, the same for everybody from then on.
import { randomBytes, randomUUID } from 'node:crypto';
import type { LedgerIdentity } from '../../ports/usageLedger.js';
import { onlyRow, textOf } from './columns.js';
import type { Database } from './database.js';
import { makeLedger, readLedger } from './postgres.generated.js';
import { inSession } from './session.js';

const HASH_KEY_BYTES = 32;

export function ledgerIdentity(database: Database): Promise<LedgerIdentity> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    let rows = await session.query(database.sql(readLedger), []);
    if (rows.length === 0) {
      const proposed = [randomUUID(), randomBytes(HASH_KEY_BYTES).toString('hex')];
      await session.query(database.sql(makeLedger), proposed);
      // Read, not taken from what was proposed: another process may have been first.
      rows = await session.query(database.sql(readLedger), []);
    }
    const row = onlyRow(rows);
    return { ledgerId: textOf(row, 'id'), hashKey: Buffer.from(textOf(row, 'hash_key'), 'hex') };
  });
}
