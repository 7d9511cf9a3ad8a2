// Holds the counters against what is recorded: the ledger, and what waits in journals. Traffic goes on meanwhile, so everything is read
// twice around the counter; what is in flight in one attempt has arrived in the next.
import { setTimeout as pause } from 'node:timers/promises';
import type { UsageDate } from '../../core/time/calendar.js';
import {
  type PendingUnits,
  type RecordedUnits,
  type WindowAgreement,
  windowAgreement,
} from '../../core/usage/agreement.js';
import type { LedgerUpkeep } from '../../ports/ledgerUpkeep.js';
import type { JournalRecord, UsageJournal } from '../../ports/usageJournal.js';

/** A window as the counter store has it, and the dates that it spans. */
export interface CountedDates {
  readonly name: string;
  readonly startMs: number;
  readonly used: number;
  readonly held: number;
  readonly first: UsageDate;
  readonly last: UsageDate;
}

/** What it needs. */
export interface ReconciliationParts {
  readonly upkeep: Pick<LedgerUpkeep, 'recorded'>;
  readonly journals: Pick<UsageJournal, 'others'>;
  /** The tenant's limited day, week and month; those that the store does not hold are left out. */
  readonly countedOf: (tenantId: string) => Promise<readonly CountedDates[]>;
  readonly resetNumberOf: (tenantId: string) => number;
}

const ATTEMPTS = 4;
const PAUSE_MS = 500;
/** More than a journal may have waiting. */
const MOST_ROWS = 1_000_000;

/** The tenant's windows, as they agreed in the best of some attempts. */
export async function reconcileWindows(
  parts: ReconciliationParts,
  tenantId: string,
  ledgerId: string,
): Promise<readonly WindowAgreement[]> {
  for (let attempt = 1; ; attempt++) {
    const windows = await attemptOf(parts, tenantId, ledgerId);
    if (attempt === ATTEMPTS || windows.every(({ rest }) => rest === 0)) return windows;
    await pause(PAUSE_MS);
  }
}

async function attemptOf(parts: ReconciliationParts, tenantId: string, ledgerId: string): Promise<WindowAgreement[]> {
  // The first look only says which dates to read.
  const asked = await parts.countedOf(tenantId);
  const before = await recordedOf(parts, tenantId, ledgerId, asked);
  const counted = await parts.countedOf(tenantId);
  const after = await recordedOf(parts, tenantId, ledgerId, asked);
  return asked.flatMap((one, index) => {
    // One that ended between the looks is nothing to compare.
    const same = counted.find(({ name, startMs }) => name === one.name && startMs === one.startMs);
    const [early, late] = [before[index], after[index]];
    return same === undefined || early === undefined || late === undefined ? [] : [windowAgreement(same, early, late)];
  });
}

async function recordedOf(
  { upkeep, journals, resetNumberOf }: ReconciliationParts,
  tenantId: string,
  ledgerId: string,
  windows: readonly CountedDates[],
): Promise<RecordedUnits[]> {
  const found = (await journals.others()).filter((journal) => journal.ledgerId === ledgerId);
  const resetNumber = resetNumberOf(tenantId);
  const producerIds = found.map(({ producerId }) => producerId);
  // The positions with the sums, the records after them: what is applied meanwhile stays in its journal for minutes.
  const { sums, lastRecords } = await upkeep.recorded({ tenantId, resetNumber, ranges: windows, producerIds });
  const waiting = await Promise.all(
    found.map(async (journal) => ({
      producerId: journal.producerId,
      records: await journal.read(
        Math.max(journal.after, lastRecords.get(journal.producerId) ?? 0),
        Number.POSITIVE_INFINITY,
        MOST_ROWS,
      ),
    })),
  );
  return windows.map((window, index) => ({
    ledger: sums[index]?.units ?? 0,
    unconfirmed: sums[index]?.unconfirmed ?? 0,
    pending: waiting
      .map(({ producerId, records }) => ({ producerId, ...unitsOf(records, { tenantId, resetNumber, window }) }))
      .filter(({ units, unconfirmed }) => units > 0 || unconfirmed > 0),
  }));
}

/** Of records that wait, what is charged to the window. */
function unitsOf(
  records: readonly JournalRecord[],
  asked: { readonly tenantId: string; readonly resetNumber: number; readonly window: CountedDates },
): Omit<PendingUnits, 'producerId'> {
  const isIn = (date: UsageDate) => asked.window.first <= date && date <= asked.window.last;
  let units = 0;
  let unconfirmed = 0;
  for (const { increments } of records) {
    const ofTenant = increments.tenants.get(asked.tenantId);
    if (ofTenant === undefined) continue;
    for (const [date, { charges }] of ofTenant.days) {
      for (const charge of isIn(date) ? charges : []) {
        if (charge.meter !== '' || charge.resetNumber !== asked.resetNumber) continue;
        units += charge.units;
        unconfirmed += charge.unconfirmed;
      }
    }
    for (const commit of ofTenant.commits.values()) {
      const isOfWindow = commit.meter === '' && commit.resetNumber === asked.resetNumber && isIn(commit.usageDate);
      if (isOfWindow) units += commit.units;
    }
  }
  return { units, unconfirmed };
}
