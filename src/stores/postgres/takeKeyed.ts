// Usage that is told more than once and counts once: its keys are taken by one statement, before any other row of the batch is locked,
// and only what it took joins the batch's calls, meters and levels.
import { TallygateError } from '../../core/errors.js';
import { saturatingSum } from '../../core/quota/counter.js';
import { isCount, MAX_COUNT } from '../../core/quota/limit.js';
import type { CallRow, KeyedRow, LevelPointRow, MeterRow, UsageSums } from '../../ports/usageLedger.js';
import { textOf } from './columns.js';
import type { Database } from './database.js';
import { takeKeys } from './postgres.generated.js';
import type { Session } from './session.js';

/** What keyed usage adds to. */
export type KeyedSums = Pick<UsageSums, 'calls' | 'meters' | 'levels'>;

/** The batch's usage with what of its keyed rows nobody has booked before. */
export async function takeKeyed(
  database: Database,
  session: Session,
  { keyed, ...sums }: KeyedSums & Pick<UsageSums, 'keyed'>,
): Promise<KeyedSums> {
  return withKeyed(sums, await newOf(database, session, keyed));
}

/** Of rows those that are new now, each key's first. */
export async function newOf<Row extends KeyedRow>(
  database: Database,
  session: Session,
  rows: readonly Row[],
): Promise<Row[]> {
  const firsts = new Map<string, Row>();
  for (const row of rows) {
    checkAmounts(row);
    const name = nameOf(row.tenantId, row.key.toString('hex'));
    if (!firsts.has(name)) firsts.set(name, row);
  }
  const asked = [...firsts.values()];
  const taken = await session.query(database.sql(takeKeys), [
    asked.map((row) => row.tenantId),
    asked.map((row) => row.key.toString('hex')),
  ]);
  return taken.flatMap((row) => firsts.get(nameOf(textOf(row, 'tenant_id'), textOf(row, 'key'))) ?? []);
}

/** Sums with the usage of some rows, one for each key of theirs. */
export function withKeyed({ calls, meters, levels }: KeyedSums, rows: readonly KeyedRow[]): KeyedSums {
  const callSums = new Map<string, CallRow>();
  const meterSums = new Map<string, MeterRow>();
  const addCalls = ({ tenantId, usageDate, apiCalls }: CallRow): void => {
    const name = `${usageDate}${tenantId}`;
    callSums.set(name, { tenantId, usageDate, apiCalls: saturatingSum(callSums.get(name)?.apiCalls ?? 0, apiCalls) });
  };
  const addMeter = ({ tenantId, usageDate, meter, amount }: MeterRow): void => {
    const name = `${usageDate}${meter.length} ${meter}${tenantId}`;
    const sum = saturatingSum(meterSums.get(name)?.amount ?? 0, amount);
    meterSums.set(name, { tenantId, usageDate, meter, amount: sum });
  };
  for (const row of calls) addCalls(row);
  for (const row of meters) addMeter(row);
  const points: LevelPointRow[] = [...levels];
  for (const row of rows) {
    // A day of which nothing but a meter is known has no row of calls.
    if (row.apiCalls > 0 || row.meter === '') addCalls(row);
    if (row.level !== undefined) points.push({ tenantId: row.tenantId, meter: row.meter, ...row.level });
    else if (row.meter !== '') addMeter(row);
  }
  return { calls: [...callSums.values()], meters: [...meterSums.values()], levels: points };
}

/** The tables' own checks would see the sums only: a negative amount could hide in one. */
function checkAmounts({ apiCalls, amount, level }: KeyedRow): void {
  for (const [what, value] of Object.entries({ calls: apiCalls, amount, level: level?.bytes ?? 0 })) {
    if (isCount(value)) continue;
    const message = `expected the ${what} of keyed usage from 0 to ${MAX_COUNT}, got ${value}`;
    throw new TallygateError('ledger_refused', message);
  }
}

/** The key first: it has one length, so no two pairs run together. */
const nameOf = (tenantId: string, key: string): string => `${key}${tenantId}`;
