// Keeps what waits bounded while the ledger is away: segments that no attempt has touched become one sum, cut into portions that one
// transaction takes. So memory and disk grow with tenants, days and users, not with requests.
import { setImmediate as breath } from 'node:timers/promises';
import { UsageIncrements } from '../../core/usage/increments.js';
import type { JournalRecord, OwnJournal } from '../../ports/usageJournal.js';
import { MAX_SEGMENT_ROWS, type UsageBuffer, type UsageSegment } from './usageBuffer.js';

/** When to merge, and how large a portion may be. */
export interface MergeLimits {
  /** What is not merged yet, at the least, in bytes of memory and disk. */
  readonly leastWeight: number;
  readonly portionRows: number;
}

const LIMITS: MergeLimits = { leastWeight: 512 * 1024, portionRows: MAX_SEGMENT_ROWS };
/** Bytes that a row takes in memory, about. */
const ROW_WEIGHT = 64;
/** What is unmerged may be this part of what is merged: so rewriting costs at most ten times what comes in. */
const UNMERGED_SHARE = 0.1;

const weightOf = (segments: readonly UsageSegment[]): number =>
  segments.reduce((sum, { bytes, increments }) => sum + bytes + ROW_WEIGHT * increments.rows, 0);

/** Whether there is enough to merge. */
export function isMergeDue(buffer: UsageBuffer, { leastWeight }: MergeLimits = LIMITS): boolean {
  const untouched = buffer.sealed.filter((segment) => !segment.isAttempted);
  const merged = untouched.filter((segment) => segment.isMerged);
  const fresh = untouched.filter((segment) => !segment.isMerged);
  if (untouched.length < 2 || fresh.length === 0) return false;
  return weightOf(fresh) >= Math.max(leastWeight, UNMERGED_SHARE * weightOf(merged));
}

/** Merges once. No attempt may run meanwhile. */
export async function mergeBacklog(
  buffer: UsageBuffer,
  journal: OwnJournal | undefined,
  limits: MergeLimits = LIMITS,
): Promise<void> {
  const untouched = buffer.sealed.filter((segment) => !segment.isAttempted);
  const [first] = untouched;
  const last = untouched.at(-1);
  if (first === undefined || last === undefined || first === last) return;
  const sum = new UsageIncrements();
  for (const { increments } of untouched) {
    sum.addAll(increments);
    await breath();
  }
  const portions = inPortions(sum, first.from, last.to, limits.portionRows);
  const isOnDisk = journal === undefined || (await journal.merge(first.from, last.to, portions));
  // Where the disk keeps the records apart, an end that only memory knows would cut them elsewhere than there: one sum, uncut.
  const records = isOnDisk ? portions : [{ from: first.from, to: last.to, increments: sum }];
  buffer.replace(
    untouched,
    records.map((record) => ({
      ...record,
      ...{ bytes: 0, isMerged: true, isAttempted: false, isInDoubt: false, rows: undefined },
    })),
  );
}

/** Each portion gets records of its own; as none of them was ever told to anybody, any cut is right. */
function inPortions(sum: UsageIncrements, from: number, to: number, portionRows: number): JournalRecord[] {
  const most = Math.max(portionRows, Math.ceil(sum.rows / (to - from)));
  const portions = [...sum.portions(most)];
  // A day that is parted counts in each of its portions, so there may be more of them than records: what is too much joins the last.
  const [last, tooMany] = [portions[to - from - 1], portions.splice(to - from)];
  for (const portion of tooMany) last?.addAll(portion);
  return portions.map((increments, index) => ({
    from: from + index,
    to: index === portions.length - 1 ? to : from + index + 1,
    increments,
  }));
}
