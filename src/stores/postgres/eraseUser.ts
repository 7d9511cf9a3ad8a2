// Forgets a user of a tenant: in all rows one random value takes the place of the hash, so that nobody can find the user again and
// every count stays what it was, also over ranges that cross months.
import { randomBytes } from 'node:crypto';
import { TallygateError } from '../../core/errors.js';
import { textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import {
  lockUsageDays,
  lockUserMonths,
  readUserMonths,
  replaceQuarantinedHash,
  replaceUserHash,
} from './postgres.generated.js';
import { inTransaction, type Session } from './session.js';

/** A user who is active at this very moment changes the rows between the reading and the writing. */
const MOST_ATTEMPTS = 20;

/** Returns the months in which the user was active. */
export async function eraseUser(database: Database, tenantId: string, userHash: Buffer): Promise<number> {
  const replacement = randomBytes(userHash.length).toString('hex');
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const months = await inTransaction(database.pool, database.deadlineMs, (session) =>
      eraseOnce(database, session, { tenantId, hash: userHash.toString('hex'), replacement }),
    );
    if (months !== undefined) return months;
  }
  throw new TallygateError('ledger_unavailable', 'The user is active all the time: nothing was erased, try again');
}

/** undefined where the rows changed meanwhile; then nothing was written. */
async function eraseOnce(
  database: Database,
  session: Session,
  { tenantId, hash, replacement }: { tenantId: string; hash: string; replacement: string },
): Promise<number | undefined> {
  const known = await session.query(database.sql(readUserMonths), [tenantId, hash]);
  const months = known.map((row) => textOf(row, 'month'));
  const masks = known.map((row) => wholeOf(row, 'day_mask'));
  // As every writer: the days first. Without them a batch compares with the old row and writes a new one, in which days that the
  // user was known on count once more.
  await session.query(database.sql(lockUsageDays), [tenantId, months, masks]);
  const locked = await session.query(database.sql(lockUserMonths), [tenantId, hash]);
  // A day that was added since is locked by nobody here.
  if (JSON.stringify(locked) !== JSON.stringify(known)) return undefined;
  await session.query(database.sql(replaceUserHash), [tenantId, hash, replacement, months]);
  await session.query(database.sql(replaceQuarantinedHash), [hash, replacement]);
  return months.length;
}
