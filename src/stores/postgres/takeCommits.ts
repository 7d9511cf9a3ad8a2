// What is booked once by key. The keys are taken by one statement, and only what it took joins the batch's charges, so that the
// charges are still written by one statement, in one order of locks.
import { TallygateError } from '../../core/errors.js';
import { isCount, MAX_COUNT } from '../../core/quota/limit.js';
import type { ChargeRow, CommitRow } from '../../ports/usageLedger.js';
import { textOf } from './columns.js';
import type { Database } from './database.js';
import { takeKeys } from './postgres.generated.js';
import type { Session } from './session.js';

/** The batch's charges with those of its commits that nobody has booked before, one row for each key of a charge. */
export async function takeCommits(
  database: Database,
  session: Session,
  charges: readonly ChargeRow[],
  commits: readonly CommitRow[],
): Promise<readonly ChargeRow[]> {
  const given = new Map<string, CommitRow>();
  for (const commit of commits) {
    // The table's own check would see the sum only: a negative one could hide in it.
    if (!isCount(commit.units)) throw refused(commit.units);
    const name = nameOf(commit.tenantId, commit.key.toString('hex'));
    if (!given.has(name)) given.set(name, commit);
  }
  const asked = [...given.values()];
  const rows = await session.query(database.sql(takeKeys), [
    asked.map((commit) => commit.tenantId),
    asked.map((commit) => commit.key.toString('hex')),
  ]);
  const sums = new Map<string, ChargeRow>();
  for (const charge of charges) add(sums, charge);
  for (const row of rows) {
    const commit = given.get(nameOf(textOf(row, 'tenant_id'), textOf(row, 'key')));
    if (commit !== undefined) add(sums, chargeOf(commit));
  }
  return [...sums.values()];
}

const refused = (units: number): TallygateError =>
  new TallygateError('ledger_refused', `expected the units of a commit from 0 to ${MAX_COUNT}, got ${units}`);

/** The key first: it has one length, so no two pairs run together. */
const nameOf = (tenantId: string, key: string): string => `${key}${tenantId}`;

const chargeOf = ({ key: _, ...row }: CommitRow): ChargeRow => ({ ...row, denied: 0, unconfirmed: 0, overage: 0 });

function add(sums: Map<string, ChargeRow>, row: ChargeRow): void {
  const name = JSON.stringify([row.tenantId, row.usageDate, row.meter, row.resetNumber]);
  const present = sums.get(name);
  sums.set(name, present === undefined ? row : { ...present, units: Math.min(MAX_COUNT, present.units + row.units) });
}
