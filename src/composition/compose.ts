// Wires one installation: which stores are used, which services stand on them, in which order they start and end. The only
// place that knows all of them; nothing here decides anything about a request, and nothing is opened before `start`.
import { hostname } from 'node:os';
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.js';
import { TallygateError } from '../core/errors.js';
import type { Decision } from '../core/quota/decision.js';
import { dateAt, type UsageDate, UTC_CALENDAR } from '../core/time/calendar.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { CounterStore } from '../ports/counterStore.js';
import type { Observer } from '../ports/observer.js';
import type { LiveProducer, UsageLedger } from '../ports/usageLedger.js';
import { Admission } from '../services/admission/admission.js';
import { Rehydration } from '../services/admission/rehydration.js';
import { StartGate } from '../services/admission/startGate.js';
import { StoreClock } from '../services/admission/storeClock.js';
import { StoreGuard } from '../services/admission/storeGuard.js';
import { watchOtherProducers } from '../services/metering/otherProducers.js';
import { UsageBuffer } from '../services/metering/usageBuffer.js';
import { UsageFlusher } from '../services/metering/usageFlusher.js';
import { UsageProducer } from '../services/metering/usageProducer.js';
import { UsageRecorder } from '../services/metering/usageRecorder.js';
import { QuotaService } from '../services/usage/quotaService.js';
import { startSettingsPoll } from '../services/usage/settingsPoll.js';
import { READ_FLUSH_WAIT_MS, UsageService } from '../services/usage/usageService.js';
import { memoryCounterStore } from '../stores/memory/memoryCounterStore.js';
import {
  isUpToDate,
  type MigrationResult,
  type MigrationStatus,
  migrate,
  migrationStatus,
} from '../stores/postgres/migrate.js';
import { postgresLedger } from '../stores/postgres/postgresLedger.js';
import { postgresTenantDirectory } from '../stores/postgres/postgresTenantDirectory.js';
import type { NodeRedisClient } from '../stores/redis/nodeRedis.js';
import { redisConnection } from '../stores/redis/redisConnection.js';
import { redisCounterStore } from '../stores/redis/redisCounterStore.js';
import { connectTo, type DatabaseChoice } from './database.js';
import { Health, type Readiness } from './health.js';
import { outageNotice } from './outageNotice.js';
import { start } from './start.js';

/** Longest wait for the ledger's sums when a counter is cold; beyond it the ledger counts as away. */
const SUMS_DEADLINE_MS = 2_000;

/** Longest wait of a command for the counter store. */
const ONCE_DEADLINE_MS = 5_000;

/** What one installation is made of. */
export interface CompositionSettings {
  readonly database: DatabaseChoice;
  /** Undefined: counters in the process. */
  readonly redis: { readonly server: string | NodeRedisClient; readonly keyPrefix: string } | undefined;
  readonly config: Pick<
    Config,
    | 'plans'
    | 'defaultPlan'
    | 'onStoreError'
    | 'storeTimeoutMs'
    | 'usageMeterEnabled'
    | 'flushRows'
    | 'flushIntervalMs'
    | 'migrate'
  >;
  readonly observer: Observer;
  /** Told of what a person should know: message, and what belongs to it. */
  readonly log: Log;
}

/** Where messages for people go. `pino` has this shape. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** One installation, wired. */
export interface Composition {
  /** Decides; waits for the start where it has not come yet. */
  readonly admission: StartGate;
  readonly quotaService: QuotaService;
  readonly usageService: UsageService;
  readonly usageRecorder: UsageRecorder;
  readonly ledger: UsageLedger;
  /** Applies what is pending. */
  migrate(): Promise<MigrationResult>;
  /** How the tables stand. */
  migrationStatus(): Promise<MigrationStatus>;
  /** The date of the tenant's present day, by the process's clock: for usage without a decision. */
  readonly usageDateOf: (tenantId: string) => UsageDate;
  /** Takes the folder of an embedded database. @throws TallygateError `folder_locked` */
  claimFolder(): void;
  /** Opens and loads what is needed; again: the same promise. Rejects with what will never come right by itself. */
  start(): Promise<void>;
  /** The start of a command: each step once, so that what is away is told at once. Follows no changes afterwards. */
  startOnce(): Promise<void>;
  readonly readiness: () => Readiness;
  /** Brings everything that was booked to the ledger. */
  flush(): Promise<void>;
  /** From now on usage goes to the ledger as soon as it is booked: somebody else is about to end this process. */
  hurry(): void;
  /**
   * Flushes and ends everything, within `deadlineMs` (and what closing a connection takes). Again: the same promise.
   * Resolves to the rows of usage that could not be flushed.
   */
  close(deadlineMs: number): Promise<number>;
}

/** Wires an installation. Nothing is opened, no timer runs, before `start`. */
export function compose(settings: CompositionSettings): Composition {
  const { config, observer, log } = settings;
  const clock: Clock = systemClock;
  const database = connectTo(settings.database);
  const embedded = settings.database.kind === 'embedded';
  const { pool, pollPool, schema } = database;
  const ledger = postgresLedger(pool, { schema });
  const sums = postgresLedger(pool, { schema, deadlineMs: SUMS_DEADLINE_MS });
  const health = new Health();

  const store = counterStore(settings, clock, (error) => {
    if (!health.readiness.ready) health.waiting('the counter store', error.message);
  });
  const storeClock = new StoreClock(clock, observer);
  const guarded = new StoreGuard({ store, storeClock, clock, observer, timeoutMs: config.storeTimeoutMs });

  const tellOfFailedFlush = outageNotice(
    clock,
    (told: { readonly error: unknown; readonly rows: number }) => String(told.error),
    ({ error, rows }) => log.warn({ err: error, rows }, 'Usage could not be flushed: it is kept and sent again.'),
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
      tellOfFailedFlush({ error, rows });
    },
  });
  const usageRecorder = new UsageRecorder({
    buffer,
    metering: config.usageMeterEnabled,
    clock,
    onBooked: () => flusher.booked(),
  });
  const onDecision = (decision: Decision) => usageRecorder.recordDecision(decision);

  const quotaService = new QuotaService({
    directory: postgresTenantDirectory(pool, { schema, pollPool }),
    plans: config.plans,
    defaultPlan: config.defaultPlan,
    hasUsage: (tenantId) => usageService.hasUsage(tenantId),
  });
  const quotaOf = (tenantId: string) => quotaService.quotaOf(tenantId);
  // Metering refuses nobody: where the settings could not be loaded for 15 s, a day is UTC's.
  const calendarOf = (tenantId: string) => (quotaService.isLoaded ? quotaOf(tenantId).calendar : UTC_CALENDAR);
  const usageService = new UsageService({
    ledger,
    quotaOf,
    flushWithin: (mostMs) => flusher.flushWithin(mostMs),
    clock,
  });

  const rehydration = new Rehydration({
    sumCharges: (queries) => sums.sumCharges(queries),
    flushCharges: async (tenantId) => {
      if (flusher.holds(tenantId)) await flusher.flushWithin(READ_FLUSH_WAIT_MS);
    },
    generation: () => guarded.generation,
    flushIntervalMs: config.flushIntervalMs,
    clock,
  });
  const policy = config.onStoreError;
  const decider = new Admission({
    quotaOf,
    store: guarded,
    storeClock,
    rehydration,
    policy,
    timeoutMs: config.storeTimeoutMs,
    clock,
    observer,
    onDecision,
  });
  const admission = new StartGate({ admission: decider, started, policy, clock, onDecision });

  const ledgerSteps = [
    { name: 'the ledger', run: () => database.open() },
    { name: 'the tables of the ledger', run: () => bringUpToDate() },
    { name: 'the ledger', run: async () => void (await ledger.identity()) },
    { name: 'the settings of the tenants', run: () => quotaService.refresh() },
  ];
  const startSteps = [...ledgerSteps, { name: 'the counter store', run: () => store.ready() }];

  async function bringUpToDate(): Promise<void> {
    if (embedded || config.migrate) {
      const { appliedNow } = await migrate(pool, { schema });
      if (appliedNow.length > 0) log.info({ applied: appliedNow, schema }, 'The tables were brought up to date.');
      return;
    }
    const status = await migrationStatus(pool, { schema });
    if (!isUpToDate(status)) throw migrationsPending(status);
  }

  const tellOfWaiting = outageNotice(
    clock,
    (told: { readonly step: string; readonly reason: string }) => told.step,
    ({ step, reason }) => log.warn({ waitingFor: step }, `Not ready, trying again: ${reason}`),
  );
  const ending = new AbortController();
  let starting: Promise<void> | undefined;
  let closing: Promise<number> | undefined;
  let stopFollowing = (): void => {};

  async function begin(): Promise<void> {
    const onWaiting = (step: string, error: TallygateError) => {
      health.waiting(step, error.message);
      tellOfWaiting({ step, reason: error.message });
    };
    await start({ steps: startSteps, onWaiting, signal: ending.signal });
    if (closing !== undefined) throw closedError();
    stopFollowing = follow();
    health.started();
  }

  async function beginOnce(): Promise<void> {
    for (const step of ledgerSteps) await step.run();
    const answered = await Promise.race([
      store.ready().then(() => true),
      pause(ONCE_DEADLINE_MS, false, { ref: false }),
    ]);
    if (!answered)
      throw new TallygateError(
        'counter_store_unavailable',
        `The counter store did not answer in ${ONCE_DEADLINE_MS} ms.`,
      );
    health.started();
  }

  /** What runs from the start to the end. On the embedded database this process alone makes changes, and applies its own. */
  function follow(): () => void {
    const stopPoll = embedded
      ? () => {}
      : startSettingsPoll({
          refresh: async () => {
            await quotaService.refresh();
            health.ledger(true);
          },
          clock,
          onFailure: () => health.ledger(false),
        });
    const stopWatch =
      settings.redis === undefined && !embedded
        ? watchOtherProducers({ ledger, producer, onOthers: (others) => tellOfOthers(others) })
        : () => {};
    return () => {
      stopPoll();
      stopWatch();
    };
  }

  function tellOfOthers(others: readonly LiveProducer[]): void {
    health.others(others);
    if (others.length === 0) return;
    log.warn(
      { others },
      'Other processes feed this ledger, and without REDIS_URL each counts alone: the quotas hold for each of them, not for all.',
    );
  }

  async function end(deadlineMs: number): Promise<number> {
    ending.abort();
    // A start that still waits for the counter store ends with it. What hindered a start was told.
    if (!health.readiness.ready) await store.close();
    await Promise.race([starting?.catch(() => undefined), pause(deadlineMs, undefined, { ref: false })]);
    stopFollowing();
    await Promise.race([admission.close(), pause(deadlineMs, undefined, { ref: false })]);
    // Those that were just decided are metered in the turn after it.
    await immediate();
    const unflushed = await flusher.close(deadlineMs);
    await store.close();
    await database.close();
    return unflushed;
  }

  return {
    admission,
    quotaService,
    usageService,
    usageRecorder,
    ledger,
    usageDateOf: (tenantId) => dateAt(clock.wallMs(), calendarOf(tenantId)),
    migrate: () => migrate(pool, { schema }),
    migrationStatus: () => migrationStatus(pool, { schema }),
    claimFolder: () => database.claim(),
    start: started,
    startOnce: () => {
      starting ??= beginOnce();
      return starting;
    },
    readiness: () => health.readiness,
    flush: () => flusher.flush(),
    hurry: () => flusher.hurry(),
    close: (deadlineMs) => {
      closing ??= end(deadlineMs);
      return closing;
    },
  };

  function started(): Promise<void> {
    if (closing !== undefined) return Promise.reject(closedError());
    starting ??= begin();
    return starting;
  }
}

function counterStore(
  { redis, log }: CompositionSettings,
  clock: Clock,
  onError: (error: TallygateError) => void,
): CounterStore {
  if (redis === undefined) return memoryCounterStore(clock);
  const tell = outageNotice(
    clock,
    (error: TallygateError) => error.code,
    (error) => log.warn({ err: error }, 'The counter store does not answer.'),
  );
  const onConnectionError = (error: TallygateError) => {
    onError(error);
    tell(error);
  };
  return redisCounterStore(redisConnection(redis.server, { onConnectionError }), { keyPrefix: redis.keyPrefix });
}

const closedError = (): TallygateError => new TallygateError('closed', 'This Tallygate was closed.');

function migrationsPending({ schema, pending, missing }: MigrationStatus): TallygateError {
  const what =
    pending.length > 0 ? `migrations are pending (${pending.join(', ')})` : `${missing.join(', ')} is missing`;
  return new TallygateError(
    'migrations_pending',
    `Schema "${schema}": ${what}. Run \`npx tallygate migrate\`, or start with TALLYGATE_MIGRATE=true.`,
  );
}
