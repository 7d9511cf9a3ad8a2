// What is booked once by key. The keys are taken by one statement, before any other row of the batch is locked, and only what it took
// joins the batch's calls and charges, so that those are still written by one statement each, in one order of locks.
import { TallygateError } from '../../core/errors.js';
import { saturatingSum } from '../../core/quota/counter.js';
import { isCount, MAX_COUNT } from '../../core/quota/limit.js';
import type { CallRow, ChargeRow, CommitRow, UsageSums } from '../../ports/usageLedger.js';
import { textOf } from './columns.js';
import type { Database } from './database.js';
import { takeKeys } from './postgres.generated.js';
import type { Session } from './session.js';

/** The batch's calls and charges with those of its commits that nobody has booked before, one row for each key of theirs. */
export async function takeCommits(
  database: Database,
  session: Session,
  { calls, charges, commits }: Pick<UsageSums, 'calls' | 'charges' | 'commits'>,
): Promise<Pick<UsageSums, 'calls' | 'charges'>> {
  const given = new Map<string, CommitRow>();
  for (const commit of commits) {
    checkAmounts(commit);
    const name = nameOf(commit.tenantId, commit.key.toString('hex'));
    if (!given.has(name)) given.set(name, commit);
  }
  const asked = [...given.values()];
  const rows = await session.query(database.sql(takeKeys), [
    asked.map((commit) => commit.tenantId),
    asked.map((commit) => commit.key.toString('hex')),
  ]);
  const taken = rows.flatMap((row) => given.get(nameOf(textOf(row, 'tenant_id'), textOf(row, 'key'))) ?? []);
  return { calls: withCalls(calls, taken), charges: withCharges(charges, taken) };
}

/** The tables' own checks would see the sums only: a negative amount could hide in one. */
function checkAmounts({ units, apiCalls = 0, overage = 0 }: CommitRow): void {
  for (const [what, amount] of Object.entries({ units, apiCalls, overage })) {
    if (isCount(amount)) continue;
    const message = `expected the ${what} of a commit from 0 to ${MAX_COUNT}, got ${amount}`;
    throw new TallygateError('ledger_refused', message);
  }
}

/** The key first: it has one length, so no two pairs run together. */
const nameOf = (tenantId: string, key: string): string => `${key}${tenantId}`;

function withCalls(calls: readonly CallRow[], commits: readonly CommitRow[]): CallRow[] {
  const sums = new Map<string, CallRow>();
  const add = ({ tenantId, usageDate, apiCalls = 0 }: Pick<CommitRow, 'tenantId' | 'usageDate' | 'apiCalls'>) => {
    const name = `${usageDate}${tenantId}`;
    sums.set(name, { tenantId, usageDate, apiCalls: saturatingSum(sums.get(name)?.apiCalls ?? 0, apiCalls) });
  };
  for (const row of calls) add(row);
  for (const commit of commits) if ((commit.apiCalls ?? 0) > 0) add(commit);
  return [...sums.values()];
}

function withCharges(charges: readonly ChargeRow[], commits: readonly CommitRow[]): ChargeRow[] {
  const sums = new Map<string, ChargeRow>();
  const add = (row: ChargeRow) => {
    const name = JSON.stringify([row.tenantId, row.usageDate, row.meter, row.resetNumber]);
    const present = sums.get(name);
    sums.set(name, present === undefined ? row : addedUp(present, row));
  };
  for (const charge of charges) add(charge);
  for (const { tenantId, usageDate, meter, resetNumber, units, overage = 0 } of commits) {
    if (units === 0 && overage === 0) continue;
    add({ tenantId, usageDate, meter, resetNumber, units, denied: 0, unconfirmed: 0, overage });
  }
  return [...sums.values()];
}

const addedUp = (present: ChargeRow, more: ChargeRow): ChargeRow => ({
  ...present,
  units: saturatingSum(present.units, more.units),
  overage: saturatingSum(present.overage, more.overage),
});
