// Gathers what `tallygate doctor` judges. Everything is asked, whatever else does not answer; nothing is changed.

import type { InstallationFacts, StorageCollectionFacts } from '../core/diagnosis.js';
import { hasCode } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { CollectionState } from '../ports/storageCollections.js';
import type { Composition } from './compose.js';
import type { DatabaseChoice } from './database.js';
import { journals } from './journals.js';
import type { Log } from './log.js';

/** What it needs. */
export interface ExaminationParts {
  readonly composition: Pick<
    Composition,
    'claimFolder' | 'migrationStatus' | 'ledger' | 'upkeep' | 'collections' | 'countersReady' | 'counterStoreTime'
  >;
  readonly database: DatabaseChoice;
  readonly countersAreShared: boolean;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

type LedgerFacts = Pick<
  InstallationFacts,
  'ledgerFault' | 'toMigrate' | 'quarantinedRows' | 'gaps' | 'producers' | 'storageCollection'
>;
type StoreFacts = Pick<InstallationFacts, 'storeFault' | 'clockOffsetMs'>;
type JournalFacts = Pick<InstallationFacts, 'leftAlone' | 'damagedFiles'>;

/** @throws TallygateError `folder_locked` where a running process holds the embedded database: that one knows */
export async function examine(parts: ExaminationParts): Promise<InstallationFacts> {
  parts.composition.claimFolder();
  const [ledger, store] = await Promise.all([ledgerFacts(parts), storeFacts(parts)]);
  const { clock, countersAreShared } = parts;
  const journalled = await journalFacts(parts, ledger.ledgerId);
  const { ledgerId: _, ...known } = ledger;
  return { nowMs: clock.wallMs(), countersAreShared, ...known, ...store, ...journalled };
}

const UNKNOWN: LedgerFacts = {
  ...{ ledgerFault: undefined, toMigrate: [], quarantinedRows: 0 },
  ...{ gaps: { total: 0, latestAtMs: undefined }, producers: [] },
};

async function ledgerFacts({
  composition,
  database,
}: ExaminationParts): Promise<LedgerFacts & { readonly ledgerId: string | undefined }> {
  const { ledger, upkeep, collections } = composition;
  try {
    const { pending, missing } = await composition.migrationStatus();
    const toMigrate = [...pending, ...missing];
    if (toMigrate.length > 0) {
      // The embedded database migrates itself at the next start: nothing to do, and nothing to be read before.
      const told = database.kind === 'embedded' ? [] : toMigrate;
      return { ...UNKNOWN, toMigrate: told, ledgerId: undefined };
    }
    const [{ ledgerId }, { total }, gaps, producers, collection] = [
      await ledger.identity(),
      await upkeep.quarantined(1),
      await upkeep.gaps(1),
      await upkeep.openProducers(),
      await collections.state(),
    ];
    const latest = { total: gaps.total, latestAtMs: gaps.gaps[0]?.recordedAtMs };
    const known = { quarantinedRows: total, gaps: latest, producers, storageCollection: collectionFacts(collection) };
    return { ledgerFault: undefined, toMigrate, ...known, ledgerId };
  } catch (error) {
    if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'ledger_mismatch', 'migrations_pending')) throw error;
    return { ...UNKNOWN, ledgerFault: error.message, ledgerId: undefined };
  }
}

/** A run that is under way counts as failed until it has ended: that is no failure yet. */
function collectionFacts(state: CollectionState): StorageCollectionFacts | undefined {
  if (state.runNumber === 0) return undefined;
  const isRunning = (state.claimedUntilMs ?? 0) > state.nowMs;
  return { last: state.last, failures: state.failures - (isRunning ? 1 : 0), failure: state.failure };
}

async function storeFacts({ composition, clock }: ExaminationParts): Promise<StoreFacts> {
  try {
    await composition.countersReady();
    const askedAtMs = clock.wallMs();
    const storeMs = await composition.counterStoreTime();
    // The answer was given somewhere between: the middle errs by half of the round trip at most.
    const offset = storeMs - (askedAtMs + clock.wallMs()) / 2;
    return { storeFault: undefined, clockOffsetMs: Math.round(offset) };
  } catch (error) {
    if (!hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) throw error;
    return { storeFault: error.message, clockOffsetMs: undefined };
  }
}

/** Without a ledger nobody can say whose a journal is; one of an unknown form is told all the same. */
async function journalFacts(parts: ExaminationParts, ledgerId: string | undefined): Promise<JournalFacts> {
  const { usageJournal } = journals(parts);
  const leftAlone = [];
  for (const { producerId, ledgerId: owner, trouble } of await usageJournal.others()) {
    if (trouble !== undefined) leftAlone.push({ producerId, reason: trouble });
    else if (ledgerId !== undefined && owner !== ledgerId) {
      leftAlone.push({ producerId, reason: `it belongs to the ledger ${owner}` });
    }
  }
  return { leftAlone, damagedFiles: await usageJournal.damagedFiles() };
}
