// How far a log was replayed, and the step forward: the compare-and-set on its row stands where a producer's would.
import { createHash } from 'node:crypto';
import type { ReplayBatch, ReplayPosition } from '../../ports/usageLedger.js';
import { applySums } from './applySums.js';
import { type Row, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { advanceReplaySource, beginReplaySource, readReplaySource } from './postgres.generated.js';
import { inSession, inTransaction, type Session } from './session.js';

export function replayPosition(
  database: Database,
  source: string,
): Promise<(ReplayPosition & { readonly options: string }) | undefined> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const [row] = await session.query(database.sql(readReplaySource), [hashOf(source)]);
    return row === undefined ? undefined : positionOf(row);
  });
}

export function applyReplay(database: Database, batch: ReplayBatch): Promise<'applied' | 'lost'> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const moved = await advance(database, session, batch);
    if (moved.length === 0) return 'lost';
    await applySums(database, session, batch);
    return 'applied';
  });
}

function advance(database: Database, session: Session, batch: ReplayBatch): Promise<readonly Row[]> {
  const { source, options, from, to } = batch;
  const key = hashOf(source);
  const after = [to.bytes, to.sha256, to.lines];
  if (from === undefined) {
    return session.query(database.sql(beginReplaySource), [key, beginningOf(source), options, ...after]);
  }
  const before = [from.bytes, from.sha256, from.lines];
  return session.query(database.sql(advanceReplaySource), [key, options, ...after, ...before]);
}

/** A first line has no bound that a key could rely on, nor need it be text that PostgreSQL takes. */
const hashOf = (source: string): string => createHash('sha256').update(source, 'utf8').digest('hex');

const SHOWN_CHARACTERS = 200;

/** Enough of a log's identity for a person to know it by. */
const beginningOf = (source: string): string =>
  [...source.slice(0, 2 * SHOWN_CHARACTERS)].slice(0, SHOWN_CHARACTERS).join('').replaceAll('\0', ' ').toWellFormed();

const positionOf = (row: Row): ReplayPosition & { readonly options: string } => ({
  bytes: wholeOf(row, 'consumed_bytes'),
  sha256: textOf(row, 'consumed_sha256'),
  lines: wholeOf(row, 'consumed_lines'),
  options: textOf(row, 'options'),
});
