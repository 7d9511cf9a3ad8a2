// What the ledger knows of what a tenant's usage may lack: rows put aside, gaps, and up to when it has everything of everybody.
import type { UsageDate } from '../../core/time/calendar.js';
import type { KnownMissing } from '../../core/usage/completeness.js';
import { onlyRow, optionalWholeOf, textOf, wholeOf } from './columns.js';
import type { Database } from './database.js';
import { readMissing as readMissingSql } from './postgres.generated.js';
import { LIVE_MS } from './producers.js';
import { inAscii } from './quarantinedContent.js';
import { inSession } from './session.js';

/** More than anybody reads. */
const MOST_GAPS = 100;

export function readMissing(database: Database, tenantId: string, from: UsageDate): Promise<KnownMissing> {
  // Within JSON a quotation mark of a text has a backslash before it: this stands nowhere but in the field itself.
  const values = [`"tenantId":${inAscii(tenantId)}`, from, LIVE_MS, MOST_GAPS];
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const row = onlyRow(await session.query(database.sql(readMissingSql), values));
    return {
      gaps: (JSON.parse(textOf(row, 'gaps')) as GapColumns[]).map(gapOf),
      quarantinedRows: wholeOf(row, 'quarantined'),
      flushedByAllMs: optionalWholeOf(row, 'flushed_by_all_ms'),
    };
  });
}

interface GapColumns {
  readonly producer_id: string;
  readonly from_record: number;
  readonly to_record: number;
  readonly reason: string;
  readonly recorded_at_ms: number;
}

const gapOf = (gap: GapColumns): KnownMissing['gaps'][number] => ({
  producerId: gap.producer_id,
  from: gap.from_record,
  to: gap.to_record,
  reason: gap.reason,
  // The first 48 bits of the id.
  producerMadeAtMs: Number.parseInt(gap.producer_id.replaceAll('-', '').slice(0, 12), 16),
  recordedAtMs: gap.recorded_at_ms,
});
