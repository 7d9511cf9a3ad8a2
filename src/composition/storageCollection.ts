// The option `collectStorage`: what an app says in it, and the collector that comes of it.
import type { Fault } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Observer } from '../ports/observer.js';
import type { StorageCollections } from '../ports/storageCollections.js';
import type { CollectionFigures, CollectionRunParts } from '../services/metering/collectionRun.js';
import { StorageCollector } from '../services/metering/storageCollector.js';
import { postgresCollections } from '../stores/postgres/postgresCollections.js';
import type { PostgresPool } from '../stores/postgres/postgresPool.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';

/** What a run of a collection is given. */
export interface CollectionRunContext {
  /** Aborted when the run has taken as long as it may, or the process ends. */
  readonly signal: AbortSignal;
  /** The connections of the ledger, for what lies in the same database. */
  readonly database: PostgresPool;
}

/** A tenant, and what it stores: whole bytes from 0 on, also as bigint or as the digits that SQL gives for `sum`. */
export type StoragePair = readonly [tenantId: string | number | bigint, bytes: number | bigint | string];

/** Pairs, all at once (an array, a `Map`) or one after the other. */
export type StoragePairs = Iterable<StoragePair> | AsyncIterable<StoragePair>;

/** Tells what every tenant stores now. What it throws ends the run, which is tried again. */
export type CollectStorage = (run: CollectionRunContext) => StoragePairs | Promise<StoragePairs>;

/** A collection with a schedule of its own. */
export interface StorageCollectionOption {
  readonly collect: CollectStorage;
  /**
   * From one run to the next: whole minutes from 1 to 1,440. It is also the longest time of a run.
   * @defaultValue 60
   */
  readonly everyMinutes?: number;
}

/** The option, read. */
export interface StorageCollectionChoice {
  readonly collect: CollectStorage;
  readonly everyMs: number;
}

const DEFAULT_MINUTES = 60;
const MOST_MINUTES = 1_440;
const LOCATION = 'collectStorage';

/** Reads the option; what is wrong with it is added to `faults`. */
export function readCollectStorage(given: unknown, faults: Fault[]): StorageCollectionChoice | undefined {
  if (given === undefined) return undefined;
  if (isCollect(given)) return { collect: given, everyMs: DEFAULT_MINUTES * 60_000 };
  if (typeof given !== 'object' || given === null) {
    const message = `expected a function, or {collect, everyMinutes}, got ${given === null ? 'null' : typeof given}`;
    faults.push({ location: LOCATION, message });
    return undefined;
  }
  const { collect, everyMinutes = DEFAULT_MINUTES, ...unknown }: Partial<Record<string, unknown>> = { ...given };
  for (const name of Object.keys(unknown)) {
    faults.push({ location: `${LOCATION}.${name}`, message: 'expected collect or everyMinutes' });
  }
  if (!isMinutes(everyMinutes)) {
    const message = `expected whole minutes from 1 to ${MOST_MINUTES}, got ${JSON.stringify(everyMinutes)}`;
    faults.push({ location: `${LOCATION}.everyMinutes`, message });
    return undefined;
  }
  if (isCollect(collect)) return { collect, everyMs: everyMinutes * 60_000 };
  faults.push({ location: `${LOCATION}.collect`, message: `expected a function, got ${typeof collect}` });
  return undefined;
}

const isCollect = (given: unknown): given is CollectStorage => typeof given === 'function';

const isMinutes = (given: unknown): given is number =>
  typeof given === 'number' && Number.isInteger(given) && given >= 1 && given <= MOST_MINUTES;

/** What it needs of an installation. */
export interface StorageCollectionParts extends Pick<CollectionRunParts, 'record' | 'flush'> {
  readonly pool: PostgresPool;
  readonly schema: string;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly log: Log;
}

/** The collection of an installation. */
export interface StorageCollection {
  /** How it stands in the ledger, whoever collects. */
  readonly collections: StorageCollections;
  start(): void;
  /** Breaks off what is under way. */
  end(): Promise<void>;
}

/** Without a choice nothing is ever collected here. */
export function storageCollection(
  choice: StorageCollectionChoice | undefined,
  { pool, schema, ...parts }: StorageCollectionParts,
): StorageCollection {
  const collections = postgresCollections(pool, { schema });
  if (choice === undefined) return { collections, start: () => {}, end: async () => {} };
  const collector = collectorOf(choice, { pool, ...parts }, collections);
  return { collections, start: () => collector.start(), end: () => collector.end() };
}

function collectorOf(
  { collect, everyMs }: StorageCollectionChoice,
  { pool, clock, log, ...parts }: Omit<StorageCollectionParts, 'schema'>,
  collections: StorageCollections,
): StorageCollector {
  const onFailure = outageNotice(
    clock,
    ({ err }: { readonly err: unknown; readonly retryInSeconds: number }) => String(err),
    (told) =>
      log.error(told, 'Storage could not be collected: tenants keep the levels that they had. It is tried again.'),
  );
  return new StorageCollector({
    ...parts,
    ...{ collections, everyMs, clock },
    collect: (signal) => collect({ signal, database: pool }),
    onCollected: (figures) => tellOf(figures, log),
    onFailure: (err, retryMs) => onFailure({ err, retryInSeconds: Math.round(retryMs / 1000) }),
  });
}

function tellOf(figures: CollectionFigures, log: Log): void {
  const { withoutTenant, withoutAmount } = figures;
  log.info(figures, 'Storage was collected.');
  if (withoutTenant + withoutAmount === 0) return;
  const left = 'Of what was collected, some has no valid tenant id, or no whole bytes from 0 on: it is left out.';
  log.warn({ withoutTenant, withoutAmount }, left);
}
