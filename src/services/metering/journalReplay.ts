// Brings journals of other processes to the ledger, under their own ids: of those that died, and safely also of one that only looks
// dead. Anybody may do it, several at once; the ledger's compare-and-set lets each record in once.
import { hasCode, TallygateError } from '../../core/errors.js';
import { UsageIncrements } from '../../core/usage/increments.js';
import type { FoundJournal, JournalRecord, UsageJournal } from '../../ports/usageJournal.js';
import type { ProducerHolder, UsageLedger } from '../../ports/usageLedger.js';
import { rowsOf } from './incrementRows.js';
import { MAX_SEGMENT_ROWS } from './usageBuffer.js';

/** How often the folder is looked through. */
const LOOK_INTERVAL_MS = 60_000;
/** Most answers of the ledger in a row that bring no progress. */
const MAX_DETOURS = 20;
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** What it needs. */
export interface JournalReplayParts {
  readonly ledger: Pick<UsageLedger, 'identity' | 'apply' | 'recordGap' | 'registerProducer' | 'otherLiveProducers'>;
  readonly journals: UsageJournal;
  readonly holder: ProducerHolder;
  /** Rows of one transaction, but that a record is never cut. @defaultValue 5,000. A seam of the explorer of interleavings. */
  readonly mostRows?: number;
  /** Told of each journal of which something was brought to the ledger. */
  readonly onReplayed: (journal: FoundJournal, records: number, lost: number) => void;
  /** Told how many rows the ledger put aside. */
  readonly onQuarantined?: (rows: number) => void;
  /** Told of each journal that is left alone, every time. */
  readonly onLeftAlone: (journal: FoundJournal, reason: string) => void;
}

/** What became of a journal. */
export interface ReplayOutcome {
  /** Records that this call brought to the ledger. */
  readonly applied: number;
  readonly lost: number;
  /** Whether all of it is in the ledger; else the ledger refuses its id as too old. */
  readonly isFinished: boolean;
}

/** Looks through the folder once. Rejects only where the ledger is away. */
export async function replayOthers(parts: JournalReplayParts): Promise<void> {
  const found = await parts.journals.others();
  if (found.length === 0) return;
  const { ledgerId, hashKey } = await parts.ledger.identity();
  for (const journal of found) {
    if (journal.ledgerId !== ledgerId) {
      parts.onLeftAlone(journal, journal.trouble ?? `it belongs to the ledger ${journal.ledgerId}`);
      continue;
    }
    if (await looksAlive(parts, journal)) continue;
    const { applied, lost, isFinished } = await replayJournal(parts, journal, hashKey);
    if (applied > 0 || lost > 0) parts.onReplayed(journal, applied, lost);
    if (isFinished) await journal.finished();
    else parts.onLeftAlone(journal, 'its id is older than the 35 days for which the ledger knows one');
  }
}

async function looksAlive({ ledger }: JournalReplayParts, journal: FoundJournal): Promise<boolean> {
  const alive = await journal.isAlive();
  if (alive !== undefined) return alive;
  const live = await ledger.otherLiveProducers(NOBODY);
  return live.some((producer) => producer.producerId === journal.producerId);
}

/** What the replay of one journal needs. */
type ReplayJournalParts = Pick<JournalReplayParts, 'ledger' | 'holder' | 'mostRows' | 'onQuarantined'>;

/** Brings one journal to the ledger, to its end. @throws TallygateError `ledger_unavailable` or as `apply` */
export async function replayJournal(
  { ledger, holder, mostRows = MAX_SEGMENT_ROWS, onQuarantined }: ReplayJournalParts,
  journal: FoundJournal,
  hashKey: Buffer,
): Promise<ReplayOutcome> {
  const { producerId, after } = journal;
  // Where the ledger stands is learnt from its first answer: until then, that it has what is not here any more.
  let position: number | undefined;
  let toldUpTo = after;
  let applied = 0;
  let lost = 0;
  for (let detours = 0; detours < MAX_DETOURS; ) {
    const records = withoutHole(await journal.read(position ?? after, Number.POSITIVE_INFINITY, mostRows));
    const [first] = records;
    const last = records.at(-1);
    if (first === undefined || last === undefined) return { applied, lost, isFinished: true };
    const known = Math.max(position ?? first.from, toldUpTo);
    if (first.from > known) {
      await ledger.recordGap({
        producerId,
        from: known,
        to: first.from,
        reason: 'records are missing from the journal',
      });
      lost += first.from - known;
      toldUpTo = first.from;
    }
    const increments = new UsageIncrements();
    for (const record of records) increments.addAll(record.increments);
    if (!(await journal.mark(last.to))) {
      detours += 1;
      continue;
    }
    const from = position ?? first.from;
    const outcome = await ledger.apply({ ...rowsOf(increments, hashKey), producerId, from, to: last.to });
    if (outcome.outcome === 'applied') {
      applied += last.to - from;
      position = last.to;
      if (outcome.quarantined !== undefined) onQuarantined?.(outcome.quarantined);
      detours = 0;
      continue;
    }
    detours += 1;
    if (outcome.outcome === 'elsewhere') {
      position = outcome.lastRecord;
      toldUpTo = Math.max(after, Math.min(toldUpTo, position));
    } else if ((await ledger.registerProducer(producerId, { ...holder, hasJournal: true })) === 'refused') {
      return { applied, lost, isFinished: false };
    }
  }
  throw new TallygateError(
    'ledger_unavailable',
    'A journal changes faster than it can be replayed: it is tried again later.',
  );
}

/**
 * The records up to the first that is not there. What the disk refused may be in the ledger all the same, from its owner's memory:
 * only with the ledger's answer to what comes before is it known whether it is missing.
 */
function withoutHole(records: readonly JournalRecord[]): readonly JournalRecord[] {
  const hole = records.findIndex((record, index) => index > 0 && record.from !== records[index - 1]?.to);
  return hole < 0 ? records : records.slice(0, hole);
}

/** Looks now and every minute; the returned function ends it. Holds no process open. */
export function startJournalReplay(parts: JournalReplayParts, onFailure: (error: TallygateError) => void): () => void {
  let isLooking = false;
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      await replayOthers(parts);
    } catch (error) {
      if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'migrations_pending', 'closed')) throw error;
      onFailure(error);
    } finally {
      isLooking = false;
    }
  }
  void look();
  const timer = setInterval(() => void look(), LOOK_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
