// Holds the counters against what is recorded: the ledger, and what waits in journals. Traffic goes on meanwhile, so everything is read
// twice around the counter, the second time once all that had been charged by then has arrived.
import type { UsageDate } from '../../core/time/calendar.js';
import {
  type CountedUnits,
  type RestRange,
  type WindowAgreement,
  windowAgreement,
} from '../../core/usage/agreement.js';
import type { ChargedRange } from '../../ports/ledgerUpkeep.js';
import type { EverybodyFlushed } from './everybodyFlushed.js';
import { type RecordedUnitsParts, readableJournals, recordedUnits } from './recordedUnits.js';

/** A window that the ledger knows, as the tenant's limits and calendar have it now. */
export interface PlannedDates extends ChargedRange {
  readonly name: string;
}

/** A window as the counter store has it. */
export interface CountedDates extends CountedUnits {
  readonly first: UsageDate;
}

/** What it needs. */
export interface ReconciliationParts extends RecordedUnitsParts {
  readonly everybodyFlushed: EverybodyFlushed;
  /** The tenant's limited days, weeks and months. */
  readonly plannedOf: (tenantId: string) => readonly PlannedDates[];
  /** Those of them that the store holds. */
  readonly countedOf: (tenantId: string) => Promise<readonly CountedDates[]>;
}

const ATTEMPTS = 4;
/** Tenants that are looked at at a time: more would only wait for each other. */
const LOOKS_AT_ONCE = 16;

/** By tenant, what several looks have left of each window. Memory grows with the tenants that are asked for. */
export async function reconcileWindows(
  parts: ReconciliationParts,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, readonly WindowAgreement[]>> {
  const found = new Map<string, readonly WindowAgreement[]>(tenantIds.map((tenantId) => [tenantId, []]));
  let open = tenantIds;
  for (let attempt = 1; attempt <= ATTEMPTS && open.length > 0; attempt++) {
    for (const [tenantId, windows] of await attemptOf(parts, open, found)) found.set(tenantId, windows);
    open = open.filter((tenantId) => !found.get(tenantId)?.every(isSettled));
  }
  return found;
}

/** More looks would tell the same. */
const isSettled = ({ rest, isMoving }: WindowAgreement): boolean => rest === 0 && !isMoving;

async function attemptOf(
  parts: ReconciliationParts,
  tenantIds: readonly string[],
  found: ReadonlyMap<string, readonly WindowAgreement[]>,
): Promise<Map<string, readonly WindowAgreement[]>> {
  const planned = tenantIds.flatMap((tenantId) => parts.plannedOf(tenantId));
  const before = await recordedUnits(parts, planned);
  const counted = await countedOf(parts, tenantIds);
  const readable = (await readableJournals(parts)).map(({ producerId }) => producerId);
  await parts.everybodyFlushed.wait(new Set(readable));
  const after = await recordedUnits(parts, planned);
  const agreements = new Map<string, WindowAgreement[]>(tenantIds.map((tenantId) => [tenantId, []]));
  for (const [index, { tenantId, name, first }] of planned.entries()) {
    // One that ended between the looks is nothing to compare.
    const shown = counted.get(tenantId)?.find((one) => one.name === name && one.first === first);
    const [early, late] = [before[index], after[index]];
    if (shown === undefined || early === undefined || late === undefined) continue;
    const earlier = leftOf(found.get(tenantId), shown);
    agreements.get(tenantId)?.push(windowAgreement(shown, { before: early, after: late }, earlier));
  }
  return agreements;
}

/** What earlier looks have left of the same window's rest. */
function leftOf(windows: readonly WindowAgreement[] = [], { name, startMs }: CountedDates): RestRange | undefined {
  return windows.find((window) => window.name === name && window.start === new Date(startMs).toISOString())?.between;
}

async function countedOf(
  parts: ReconciliationParts,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, readonly CountedDates[]>> {
  const counted = new Map<string, readonly CountedDates[]>();
  const left = tenantIds.values();
  const worker = async () => {
    for (const tenantId of left) counted.set(tenantId, await parts.countedOf(tenantId));
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, worker));
  return counted;
}
