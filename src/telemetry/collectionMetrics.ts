// Figures of the collection of storage. Each process tells of its own runs: over a fleet, the highest timestamp is the last one.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Observer, StorageCollection } from '../ports/observer.js';

const OUTCOMES: readonly StorageCollection['outcome'][] = ['collected', 'failed', 'broken_off'];

/** Adds the families to a registry. */
export function collectionMetrics(registry: Registry) {
  const registers = [registry];
  const runs = new Counter({
    name: 'tallygate_storage_collections_total',
    help: 'Collections of storage that ended, by what became of them.',
    labelNames: ['outcome'],
    registers,
  });
  // All of them from the start, or no rate of one begins at 0.
  for (const outcome of OUTCOMES) runs.inc({ outcome }, 0);
  const leftOut = new Counter({
    name: 'tallygate_storage_collection_left_out_total',
    help: 'What collections told without a valid tenant or a valid amount.',
    registers,
  });
  const last = new Gauge({
    name: 'tallygate_storage_last_collected_timestamp_seconds',
    help: 'When the last collection of this process ended well; 0 before.',
    registers,
  });
  const tenants = new Gauge({
    name: 'tallygate_storage_collected_tenants',
    help: 'Tenants that the last collection of this process found.',
    registers,
  });
  const duration = new Gauge({
    name: 'tallygate_storage_collection_duration_seconds',
    help: 'Time of the last collection of this process.',
    registers,
  });
  return {
    storageCollected: (collection) => {
      runs.inc({ outcome: collection.outcome });
      duration.set(collection.seconds);
      if (collection.outcome !== 'collected') return;
      leftOut.inc(collection.leftOut);
      tenants.set(collection.tenants);
      last.setToCurrentTime();
    },
  } satisfies Partial<Observer>;
}
