// A batch of which PostgreSQL has refused a row: what it takes is applied, each row that it refuses by itself is put aside, all in one
// transaction. Found by halving, each part under a savepoint.
import { randomUUID } from 'node:crypto';
import { hasCode, type TallygateError } from '../../core/errors.js';
import type { QuarantineKind } from '../../ports/ledgerUpkeep.js';
import { NO_SUMS, type UsageBatch, type UsageSums } from '../../ports/usageLedger.js';
import { applySums } from './applySums.js';
import type { Database } from './database.js';
import { quarantineRow } from './postgres.generated.js';
import { inAscii } from './quarantinedContent.js';
import type { Session } from './session.js';

/** One row of a batch. */
interface BatchRow {
  readonly kind: QuarantineKind;
  readonly sums: UsageSums;
}

/** Which rows of a batch are of which kind: in the order in which applySums takes their locks, so that halves never go back. */
const KINDS: readonly [kind: QuarantineKind, of: keyof UsageSums][] = [
  ['commit', 'commits'],
  ['keyed', 'keyed'],
  ['storage', 'storage'],
  ['level', 'levels'],
  ['call', 'calls'],
  ['user', 'users'],
  ['charge', 'charges'],
  ['meter', 'meters'],
];

/** Applies the batch's rows. Returns how many were put aside. */
export function applyWithoutPoison(database: Database, session: Session, batch: UsageBatch): Promise<number> {
  return applyHalves(database, session, batch, rowsOf(batch));
}

/** Why PostgreSQL refuses them, and then nothing of them was written; undefined where it took them. */
async function refusalOf(database: Database, session: Session, sums: UsageSums): Promise<TallygateError | undefined> {
  await session.query('SAVEPOINT part', []);
  try {
    await applySums(database, session, sums);
  } catch (error) {
    // Poison is what PostgreSQL says is wrong with the data (SQLSTATE 22, 23, 54); all else is about this attempt.
    if (!hasCode(error, 'ledger_refused')) throw error;
    await session.query('ROLLBACK TO SAVEPOINT part', []);
    return error;
  }
  await session.query('RELEASE SAVEPOINT part', []);
  return undefined;
}

async function applyHalves(
  database: Database,
  session: Session,
  batch: UsageBatch,
  rows: readonly BatchRow[],
): Promise<number> {
  const refusal = await refusalOf(database, session, joined(rows));
  if (refusal === undefined) return 0;
  const [only] = rows;
  if (only !== undefined && rows.length === 1) {
    await putAside(database, session, batch, only, refusal);
    return 1;
  }
  const middle = Math.ceil(rows.length / 2);
  const first = await applyHalves(database, session, batch, rows.slice(0, middle));
  return first + (await applyHalves(database, session, batch, rows.slice(middle)));
}

async function putAside(
  database: Database,
  session: Session,
  { producerId, from, to }: UsageBatch,
  { kind, sums }: BatchRow,
  refusal: TallygateError,
): Promise<void> {
  const [row] = KINDS.flatMap(([, of]): readonly object[] => sums[of]);
  const values = [randomUUID(), producerId, from, to, kind, inAscii(row), inAscii(refusal.message).slice(1, 501)];
  await session.query(database.sql(quarantineRow), values);
}

const rowsOf = (batch: UsageSums): BatchRow[] =>
  KINDS.flatMap(([kind, of]) => batch[of].map((row): BatchRow => ({ kind, sums: { ...NO_SUMS, [of]: [row] } })));

const joined = (rows: readonly BatchRow[]): UsageSums => ({
  calls: rows.flatMap((row) => row.sums.calls),
  charges: rows.flatMap((row) => row.sums.charges),
  users: rows.flatMap((row) => row.sums.users),
  storage: rows.flatMap((row) => row.sums.storage),
  commits: rows.flatMap((row) => row.sums.commits),
  meters: rows.flatMap((row) => row.sums.meters),
  levels: rows.flatMap((row) => row.sums.levels),
  keyed: rows.flatMap((row) => row.sums.keyed),
});
