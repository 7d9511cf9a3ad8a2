// The way of usage to the ledger: recorder, buffer, journal, flusher, and this process as a producer.
import { hostname } from 'node:os';
import type { Config } from '../config.js';
import type { Clock } from '../ports/clock.js';
import type { Observer } from '../ports/observer.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { startJournalReplay } from '../services/metering/journalReplay.js';
import { UsageBuffer } from '../services/metering/usageBuffer.js';
import { UsageFlusher } from '../services/metering/usageFlusher.js';
import { UsageProducer } from '../services/metering/usageProducer.js';
import { UsageRecorder } from '../services/metering/usageRecorder.js';
import type { DatabaseChoice } from './database.js';
import type { Health } from './health.js';
import { journals } from './journals.js';
import type { Log } from './log.js';
import type { FlushMode } from './options.js';
import { outageNotice } from './outageNotice.js';

const PUT_ASIDE =
  'PostgreSQL refuses rows of usage: they are kept in the table "quarantine" with their reason, and are not counted.';

/** What metering needs of the rest of an installation. */
export interface MeteringParts {
  readonly ledger: UsageLedger;
  readonly database: DatabaseChoice;
  readonly config: Pick<Config, 'usageMeterEnabled' | 'flushRows' | 'flushIntervalMs' | 'journal' | 'dataDir'>;
  /** `request`: whatever is booked goes to the ledger at once. @defaultValue `interval` */
  readonly flush?: FlushMode | undefined;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly health: Health;
  readonly log: Log;
}

/** See the head of this file. */
export interface Metering {
  readonly usageRecorder: UsageRecorder;
  readonly flusher: UsageFlusher;
  readonly producer: UsageProducer;
  /** Begins to bring journals of processes that died to the ledger; returns what ends it. */
  readonly followJournals: () => () => void;
}

export function metering({ ledger, database, config, flush, clock, observer, health, log }: MeteringParts): Metering {
  const tell = outageNotice(
    clock,
    (told: { readonly reason: string; readonly rows: number }) => told.reason,
    (told) => log.warn(told, 'Usage could not be flushed: it is kept and sent again.'),
  );
  const holder = { host: hostname(), pid: process.pid };
  const journal = config.journal ? journals({ dataDir: config.dataDir, database, clock, log }) : undefined;
  const producer = new UsageProducer({ ledger, clock, holder, journals: journal?.usageJournal });
  const buffer = new UsageBuffer({
    onSaturated: (what) => observer.saturated(what),
    ...(journal === undefined ? {} : { journal: producer.writableJournal }),
  });
  const onQuarantined = (rows: number) => log.error({ rows }, PUT_ASIDE);
  const flusher = new UsageFlusher({
    ledger,
    buffer,
    producer,
    batchSize: config.flushRows,
    intervalMs: config.flushIntervalMs,
    clock,
    observer,
    onApplied: () => health.ledger(true),
    onQuarantined,
    onFailure: (error, rows) => {
      health.ledger(false);
      tell({ reason: error instanceof Error ? error.message : String(error), rows });
    },
  });
  if (flush === 'request') flusher.hurry();
  const onBooked = () => flusher.booked();
  const usageRecorder = new UsageRecorder({ buffer, metering: config.usageMeterEnabled, clock, onBooked });
  const followJournals = () =>
    journal === undefined
      ? () => {}
      : startJournalReplay(
          { ...{ ledger, journals: journal.usageJournal, holder, onQuarantined }, ...journal.listeners(observer) },
          (error) => tell({ reason: error.message, rows: flusher.backlogRows }),
        );
  return { usageRecorder, flusher, producer, followJournals };
}
