// Months that were closed: a copy of what was reported then. Usage that comes later is written where all usage is.
import { TallygateError } from '../../core/errors.js';
import type { UsageReport } from '../../core/usage/usageReport.js';
import type { ClosedPeriod, PeriodToClose } from '../../ports/usageBookings.js';
import { textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { addClosedPeriod, readClosedPeriod as readClosedPeriodSql } from './postgres.generated.js';
import { inSession, inTransaction, type Session } from './session.js';

export function closePeriod(database: Database, period: PeriodToClose): Promise<ClosedPeriod> {
  const { tenantId, month, author, report } = period;
  const { apiCalls, activeUsers, storageBytes } = report.totals;
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const values = [tenantId, firstOf(month), author, apiCalls, activeUsers, storageBytes, JSON.stringify(report)];
    await session.query(database.sql(addClosedPeriod), values);
    // Read, not taken from what was given: another may have closed it first.
    const closed = await read(database, session, tenantId, month);
    if (closed === undefined) throw new TallygateError('ledger_unavailable', 'The closed month is gone: try again');
    return closed;
  });
}

export function readClosedPeriod(
  database: Database,
  tenantId: string,
  month: string,
): Promise<ClosedPeriod | undefined> {
  return inSession(database.pool, database.deadlineMs, (session) => read(database, session, tenantId, month));
}

async function read(
  database: Database,
  session: Session,
  tenantId: string,
  month: string,
): Promise<ClosedPeriod | undefined> {
  const [row] = await session.query(database.sql(readClosedPeriodSql), [tenantId, firstOf(month)]);
  if (row === undefined) return undefined;
  // Only what we wrote ourselves is in it.
  const report = JSON.parse(textOf(row, 'report')) as UsageReport;
  return { tenantId, month, closedAtMs: wholeOf(row, 'closed_at_ms'), author: textOf(row, 'author'), report };
}

const firstOf = (month: string): string => `${month}-01`;
