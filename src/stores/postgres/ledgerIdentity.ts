// What identifies a ledger: made by whoever asks first, the same for everybody from then on.
import { randomBytes, randomUUID } from 'node:crypto';
import { TallygateError } from '../../core/errors.js';
import type { LedgerIdentity } from '../../ports/usageLedger.js';
import { textOf } from './columns.js';
import type { Database } from './database.js';
import { makeLedger, readLedger } from './postgres.generated.js';
import { inSession, inTransaction, type Session } from './session.js';

const HASH_KEY_BYTES = 32;

export async function ledgerIdentity(database: Database): Promise<LedgerIdentity> {
  const present = await inSession(database.pool, database.deadlineMs, (session) => read(database, session));
  if (present !== undefined) return present;
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const proposed = [randomUUID(), randomBytes(HASH_KEY_BYTES).toString('hex')];
    await session.query(database.sql(makeLedger), proposed);
    // Read, not taken from what was proposed: another process may have been first.
    const made = await read(database, session);
    if (made === undefined) throw new TallygateError('ledger_unavailable', 'The ledger lost its identity: try again');
    return made;
  });
}

async function read(database: Database, session: Session): Promise<LedgerIdentity | undefined> {
  const [row] = await session.query(database.sql(readLedger), []);
  if (row === undefined) return undefined;
  return { ledgerId: textOf(row, 'id'), hashKey: Buffer.from(textOf(row, 'hash_key'), 'hex') };
}
