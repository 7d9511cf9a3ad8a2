// Wires one installation: which stores are used and which services stand on them. The only place that knows all of them;
// nothing here decides anything about a request, and nothing is opened before `start`.
import type { Config } from '../config.js';
import type { ChargeReply } from '../core/quota/chargeReply.js';
import type { ChargeRequest } from '../core/quota/chargeRequest.js';
import type { Decision } from '../core/quota/decision.js';
import { dateAt, type UsageDate, UTC_CALENDAR } from '../core/time/calendar.js';
import { systemClock as clock } from '../ports/clock.js';
import type { LedgerUpkeep } from '../ports/ledgerUpkeep.js';
import type { Observer } from '../ports/observer.js';
import type { LiveProducer, UsageLedger } from '../ports/usageLedger.js';
import type { Asked } from '../services/admission/attempt.js';
import { Reservations } from '../services/admission/reservations.js';
import { StartGate } from '../services/admission/startGate.js';
import { answerToFlushAsked } from '../services/metering/askedFlush.js';
import { watchOtherProducers } from '../services/metering/otherProducers.js';
import type { UsageRecorder } from '../services/metering/usageRecorder.js';
import type { ResolvePlan } from '../services/usage/planResolver.js';
import { QuotaService, type TenantQuota } from '../services/usage/quotaService.js';
import { startSettingsPoll } from '../services/usage/settingsPoll.js';
import { READ_FLUSH_WAIT_MS, UsageService } from '../services/usage/usageService.js';
import { postgresLedger } from '../stores/postgres/postgresLedger.js';
import { postgresTenantDirectory } from '../stores/postgres/postgresTenantDirectory.js';
import { postgresUpkeep } from '../stores/postgres/postgresUpkeep.js';
import { fanOut } from '../telemetry/fanOut.js';
import type { Decide } from '../telemetry/tracing.js';
import { type Booked, bookings } from './bookings.js';
import { counterStore, decisions, type RedisChoice } from './counters.js';
import { connectTo, type DatabaseChoice } from './database.js';
import { Health, type Readiness } from './health.js';
import { Lifecycle } from './lifecycle.js';
import type { Log } from './log.js';
import { metering } from './metering.js';
import { type MigrationResult, type MigrationStatus, migrations } from './migrations.js';
import type { FlushMode } from './options.js';
import { planResolver } from './planResolver.js';
import { type StorageCollection, type StorageCollectionChoice, storageCollection } from './storageCollection.js';

/** What one installation is made of. */
export interface CompositionSettings {
  readonly database: DatabaseChoice;
  readonly redis: RedisChoice;
  /** Names tenants' plans in place of the stored ones. */
  readonly resolvePlan?: ResolvePlan | undefined;
  readonly config: Pick<
    Config,
    | 'meters'
    | 'plans'
    | 'defaultPlan'
    | 'enforce'
    | 'mode'
    | 'unknownTenants'
    | 'onStoreError'
    | 'storeTimeoutMs'
    | 'usageMeterEnabled'
    | 'flushRows'
    | 'flushIntervalMs'
    | 'journal'
    | 'dataDir'
    | 'migrate'
  >;
  /** `request`: whatever is booked goes to the ledger at once. @defaultValue `interval` */
  readonly flush?: FlushMode | undefined;
  /** What an app tells of its tenants' storage, on a schedule. @defaultValue nothing */
  readonly collectStorage?: StorageCollectionChoice | undefined;
  readonly observer: Observer;
  /** Wraps each decision, as in a span of a trace. @defaultValue not wrapped */
  readonly traced?: <Rest extends unknown[]>(decide: Decide<Rest>) => Decide<Rest>;
  readonly log: Log;
}

/** One installation, wired. */
export interface Composition extends Booked, Pick<StorageCollection, 'collections'> {
  /** Decides; waits for the start where it has not come yet. */
  readonly admission: StartGate;
  /** The same decisions, as they are traced: for everything that decides about a request. */
  readonly decide: Decide<[asked?: Asked]>;
  /** Costs that are known only afterwards. */
  readonly reservations: Reservations;
  readonly quotaService: QuotaService;
  /** What holds for the tenant, by the plan that the app's `resolvePlan` names; a promise only where that has to be waited for. */
  readonly heldQuotaOf: (tenantId: string) => TenantQuota | Promise<TenantQuota>;
  /** The plan that `resolvePlan` named last; undefined where it named none, or there is no such option. */
  readonly resolvedPlanOf: (tenantId: string) => string | undefined;
  readonly usageService: UsageService;
  readonly usageRecorder: UsageRecorder;
  readonly ledger: UsageLedger;
  /** What an operator asks of it. */
  readonly upkeep: LedgerUpkeep;
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
  /** Waits for the counter store a little: for a command that shows what is left. */
  countersReady(): Promise<void>;
  /** What the counter store's clock says, in milliseconds since 1970. */
  counterStoreTime(): Promise<number>;
  /** Asks the counter store as it is, without seeds and floors: only for requests that charge nothing. */
  lookAtCounters(look: ChargeRequest): Promise<ChargeReply>;
  readonly readiness: () => Readiness;
  /** Brings everything that was booked to the ledger. */
  flush(): Promise<void>;
  /** From now on usage goes to the ledger as soon as it is booked: somebody else is about to end this process. */
  hurry(): void;
  /** Rows of usage that are not known to be in the ledger. */
  unflushedRows(): number;
  /**
   * Flushes and ends everything, within `deadlineMs` (and what closing a connection takes). Again: the same promise.
   * Resolves to the rows of usage that could not be flushed.
   */
  close(deadlineMs: number): Promise<number>;
}

/** Wires an installation. Nothing is opened, no timer runs, before `start`. */
export function compose(settings: CompositionSettings): Composition {
  const { config, redis, log, traced = <Rest extends unknown[]>(decide: Decide<Rest>) => decide } = settings;
  const database = connectTo(settings.database);
  const { pool, pollPool, schema } = database;
  const embedded = settings.database.kind === 'embedded';
  const health = new Health();
  const observer = fanOut(settings.observer, health.observer);
  const ledger = postgresLedger(pool, { schema });
  const upkeep = postgresUpkeep(pool, { schema });
  const tables = migrations({ pool, schema, isOurs: embedded || config.migrate, log });
  const { usageRecorder, flusher, producer, followJournals } = metering({
    ...{ ledger, database: settings.database, config, flush: settings.flush },
    ...{ clock, observer, health, log },
  });
  const flushWithin = (mostMs: number) => flusher.flushWithin(mostMs);
  const onDecision = (decision: Decision) => usageRecorder.recordDecision(decision);

  const onFlushAsked = answerToFlushAsked(flusher, () => health.ledger(false));
  const quotaService = new QuotaService({
    directory: postgresTenantDirectory(pool, { schema, pollPool, onFlushAsked }),
    plans: config.plans,
    defaultPlan: config.defaultPlan,
    enforced: config.enforce,
    hasUsage,
    resolvedPlanOf: (tenantId) => resolvedPlanOf(tenantId),
    clock,
  });
  const resolver = planResolver(settings, quotaService, clock);
  const resolvedPlanOf = (tenantId: string) => resolver?.planOf(tenantId);
  /** By the stored plan: for what asks for the calendar alone. */
  const quotaOf = (tenantId: string) => quotaService.quotaOf(tenantId);
  const heldQuotaOf = (tenantId: string) => resolver?.quotaOf(tenantId) ?? quotaOf(tenantId);
  const usageService = new UsageService({ ledger, upkeep, quotaOf, flushWithin, clock, meters: config.meters });
  const booked = bookings({ pool, schema, ledger, upkeep, usageService, quotaOf, config, clock });

  const store = counterStore(redis, clock, health, log);
  const counted = decisions({
    store,
    sums: ledger,
    flushCharges: async (tenantId) => {
      if (flusher.holds(tenantId)) await flushWithin(READ_FLUSH_WAIT_MS);
    },
    quotaOf: heldQuotaOf,
    onDecision,
    isShared: redis !== undefined,
    mode: config.mode,
    refusesUnknown: config.unknownTenants === 'deny',
    policy: config.onStoreError,
    timeoutMs: config.storeTimeoutMs,
    flushIntervalMs: config.flushIntervalMs,
    clock,
    observer,
    log,
  });
  const admission = new StartGate({
    admission: counted.admission,
    started: () => lifecycle.start(),
    policy: config.onStoreError,
    knowsLimits: () => quotaService.isLoaded,
    clock,
    observer,
    onDecision,
  });

  const reservations = new Reservations({
    decide: traced((tenantId, cost, asked) => admission.decide(tenantId, cost, asked)),
    store: counted.store,
    onGivenBack: (tenantId) => counted.admission.forgetDenial(tenantId),
    quotaOf,
    recordCommit: (commit) => usageRecorder.recordCommit(commit),
    clock,
    observer,
  });

  const collection = storageCollection(config.usageMeterEnabled ? settings.collectStorage : undefined, {
    ...{ pool, schema, clock, observer, log },
    record: (tenantId, bytes, atMs) => usageRecorder.recordStorage(tenantId, bytes, atMs),
    flush: () => flusher.flush(),
  });

  const lifecycle = new Lifecycle({
    steps: [
      { name: 'the ledger', run: () => database.open() },
      { name: 'the tables of the ledger', run: tables.bringUpToDate },
      { name: 'the ledger', run: async () => producer.identify((await ledger.identity()).ledgerId) },
      { name: 'the settings of the tenants', run: () => quotaService.refresh() },
    ],
    store,
    follow,
    closeAdmission: async () => {
      const collected = collection.end();
      await admission.close();
      await counted.endLeases();
      await collected;
    },
    flushAll: (deadlineMs) => flusher.close(deadlineMs),
    closeDatabase: () => database.close(),
    health,
    clock,
    log,
  });

  /** What a counter has charged proves a tenant whose usage is still on its way to the ledger, perhaps in another process. */
  async function hasUsage(tenantId: string): Promise<boolean> {
    const { limits } = await admission.look(tenantId);
    return limits.some(({ used }) => used > 0) || usageService.hasUsage(tenantId);
  }

  /**
   * Journals of processes that died are looked for everywhere. On the embedded database this process alone makes changes, applies its
   * own, and has no other producer beside it.
   */
  function follow(): () => void {
    const stopReplay = followJournals();
    collection.start();
    if (embedded) return stopReplay;
    const refresh = async () => {
      await quotaService.refresh();
      health.ledger(true);
    };
    const stopPoll = startSettingsPoll({ refresh, clock, onFailure: () => health.ledger(false) });
    const stopWatch =
      redis === undefined ? watchOtherProducers({ ledger, producer, onOthers: tellOfOthers }) : () => {};
    return () => {
      stopReplay();
      stopPoll();
      stopWatch();
    };
  }

  function tellOfOthers(others: readonly LiveProducer[]): void {
    health.others(others);
    if (others.length > 0) log.warn({ others }, OTHERS_COUNT_ALONE);
  }

  // Metering refuses nobody: where the settings could not be loaded for 15 s, a day is UTC's.
  const calendarOf = (tenantId: string) => (quotaService.isLoaded ? quotaOf(tenantId).calendar : UTC_CALENDAR);
  return {
    admission,
    decide: traced((tenantId, cost, asked) => admission.decide(tenantId, cost, asked)),
    reservations,
    quotaService,
    heldQuotaOf,
    resolvedPlanOf,
    usageService,
    ...booked,
    usageRecorder,
    ledger,
    upkeep,
    collections: collection.collections,
    usageDateOf: (tenantId) => dateAt(clock.wallMs(), calendarOf(tenantId)),
    migrate: tables.apply,
    migrationStatus: tables.status,
    claimFolder: () => database.claim(),
    start: () => lifecycle.start(),
    startOnce: () => lifecycle.startOnce(),
    countersReady: () => lifecycle.countersReady(),
    lookAtCounters: async (look) => counted.store.charge(look),
    counterStoreTime: async () => (await counted.store.charge(LOOK)).timeMs,
    readiness: () => {
      health.recheckStore(async () => counted.store.charge(LOOK));
      return health.readiness;
    },
    flush: () => flusher.flush(),
    hurry: () => flusher.hurry(),
    unflushedRows: () => flusher.backlogRows,
    close: (deadlineMs) => lifecycle.close(deadlineMs),
  };
}

/** Asks the counter store for nothing: it answers, or does not. */
const LOOK: ChargeRequest = { tenantId: '-', costs: [0], windows: [], resetNumber: 0 };

const OTHERS_COUNT_ALONE =
  'Other processes feed this ledger, and without REDIS_URL each counts alone: the quotas hold for each of them, not for all.';
