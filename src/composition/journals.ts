// The journals of a data folder, and what a person is told of them. A disk that refuses costs a promise, never a request.
import { join } from 'node:path';
import { hasCode } from '../core/errors.js';
import { dataFolderOf, makeDataFolder } from '../embedded/dataFolder.js';
import type { Clock } from '../ports/clock.js';
import type { Observer } from '../ports/observer.js';
import type { UsageJournal } from '../ports/usageJournal.js';
import type { JournalReplayParts } from '../services/metering/journalReplay.js';
import { DiskJournal } from '../stores/disk/diskJournal.js';
import type { DatabaseChoice } from './database.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';

const NOT_WRITTEN =
  'The journal cannot be written. Until it can, a killed process loses the usage that is not in the ledger yet: of one flush ' +
  'interval, and of the whole outage while the ledger is away. Make the folder writable, or set USAGE_METER_JOURNAL=false.';

/** What it needs. */
export interface JournalsParts {
  readonly dataDir: string;
  readonly database: DatabaseChoice;
  readonly clock: Clock;
  readonly log: Log;
}

/** See the head of this file. */
export interface Journals {
  readonly usageJournal: UsageJournal;
  /** What to do when others' journals are found. */
  listeners(observer: Observer): Pick<JournalReplayParts, 'onReplayed' | 'onLeftAlone'>;
}

export function journals({ dataDir, database, clock, log }: JournalsParts): Journals {
  const root = dataFolderOf(dataDir);
  const folder = join(root, 'journal');
  const tellRefusal = outageNotice(
    clock,
    () => 'refused',
    (reason: string) => log.warn({ folder, reason }, NOT_WRITTEN),
  );
  const tellLeftAlone = outageNotice(
    clock,
    (told: { readonly producerId: string; readonly reason: string }) => told.producerId,
    (told) => log.warn({ folder, ...told }, 'A journal is left alone: its usage is not in this ledger.'),
  );
  const usageJournal = new DiskJournal({
    folder,
    address: addressOf(database),
    // With its .gitignore: the default folder lies in somebody's checkout.
    makeRoot: () => makeRoot(root),
    onRefused: (error) => tellRefusal(error instanceof Error ? error.message : String(error)),
    onCorrupt: (file, lines) =>
      log.error({ file, lines }, 'Damaged records of a journal were put aside; they are in no ledger.'),
    monotonicMs: () => clock.monotonicMs(),
  });
  return {
    usageJournal,
    listeners: (observer) => ({
      onReplayed: ({ producerId }, records, lost) => {
        log.info({ producerId, records, lost }, 'The journal of a process that ended was brought to the ledger.');
        if (lost > 0) observer.usageLost(lost);
      },
      onLeftAlone: ({ producerId }, reason) => tellLeftAlone({ producerId, reason }),
    }),
  };
}

function makeRoot(root: string): void {
  try {
    makeDataFolder(root);
  } catch (error) {
    // The journal's own attempt says what is wrong.
    if (!hasCode(error, 'invalid_configuration')) throw error;
  }
}

/** What stands for a database, without secrets. An app's pool does not say where it leads. */
function addressOf(database: DatabaseChoice): string {
  if (database.kind === 'embedded') return `embedded ${database.folder}`;
  if (database.kind === 'pool') return `pool ${database.schema}`;
  const { hostname, port, pathname } = new URL(database.address.url);
  return `${hostname}:${port}${pathname} ${database.address.schema}`;
}
