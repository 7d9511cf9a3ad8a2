// The way of usage to the ledger: recorder, buffer, flusher, and this process as a producer.
import { hostname } from 'node:os';
import type { Config } from '../config.js';
import type { Clock } from '../ports/clock.js';
import type { Observer } from '../ports/observer.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { UsageBuffer } from '../services/metering/usageBuffer.js';
import { UsageFlusher } from '../services/metering/usageFlusher.js';
import { UsageProducer } from '../services/metering/usageProducer.js';
import { UsageRecorder } from '../services/metering/usageRecorder.js';
import type { Health } from './health.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';

/** What metering needs of the rest of an installation. */
export interface MeteringParts {
  readonly ledger: UsageLedger;
  readonly config: Pick<Config, 'usageMeterEnabled' | 'flushRows' | 'flushIntervalMs'>;
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
}

export function metering({ ledger, config, clock, observer, health, log }: MeteringParts): Metering {
  const tell = outageNotice(
    clock,
    (told: { readonly reason: string; readonly rows: number }) => told.reason,
    (told) => log.warn(told, 'Usage could not be flushed: it is kept and sent again.'),
  );
  const buffer = new UsageBuffer((what) => observer.saturated(what));
  const producer = new UsageProducer(ledger, clock, { host: hostname(), pid: process.pid });
  const flusher = new UsageFlusher({
    ledger,
    buffer,
    producer,
    batchSize: config.flushRows,
    intervalMs: config.flushIntervalMs,
    clock,
    observer,
    onApplied: () => health.ledger(true),
    onFailure: (error, rows) => {
      health.ledger(false);
      tell({ reason: error instanceof Error ? error.message : String(error), rows });
    },
  });
  const onBooked = () => flusher.booked();
  const usageRecorder = new UsageRecorder({ buffer, metering: config.usageMeterEnabled, clock, onBooked });
  return { usageRecorder, flusher, producer };
}
