// The composition root of an app: `createTallygate` reads options and environment, wires one installation, and hands out what
// the app mounts and calls. Nothing is opened before the first use.
import { adminParts } from './composition/adminParts.js';
import { type Composition, compose } from './composition/compose.js';
import { examine } from './composition/examination.js';
import { type Installation, installationOf } from './composition/installation.js';
import { readOptions, type TallygateOptions } from './composition/options.js';
import { type QuotaCalls, quotaCalls } from './composition/quotaCalls.js';
import { reconcile } from './composition/reconciliation.js';
import { appFailureLog } from './composition/requestFailures.js';
import { choicesOf } from './composition/storeChoices.js';
import { createTelemetry } from './composition/telemetry.js';
import { type UsageCalls, usageCalls } from './composition/usageCalls.js';
import type { Config } from './config.js';
import { createAdmit } from './http/admit.js';
import type { Handler } from './http/handler.js';
import { createResolvers } from './http/tenantOf.js';
import { type CallerParts, createTenantlessNotice } from './middleware/caller.js';
import { createTenantQuota, type TenantQuotaOptions, type TenantQuotaParts } from './middleware/tenantQuota.js';
import { createUsageMeter, type UsageMeterOptions, type UsageMeterParts } from './middleware/usageMeter.js';
import { systemClock } from './ports/clock.js';
import { silentObserver } from './ports/observer.js';
import type { AdminRoutesOptions, AdminRoutesParts } from './routes/adminRoutes.js';
import type { Listener, TallygateEvents } from './telemetry/events.js';
import { createLog } from './telemetry/log.js';

export { composeServer } from './composition/serverParts.js';
export { type SimulationReport, simulate, type TenantFinding, type TrialFinding } from './composition/simulation.js';
export { sumTableStorage } from './composition/sumTableStorage.js';

/** Longest wait of `close` for what has to be flushed, in milliseconds. */
const CLOSE_DEADLINE_MS = 10_000;

/** One Tallygate in an app. */
export interface Tallygate {
  /**
   * Makes the middleware that charges a request to its tenant's quota, and answers 429 where it does not fit.
   * @throws TallygateError `invalid_configuration` for options that cannot be
   */
  tenantQuota(options?: TenantQuotaOptions): Handler;
  /** Makes the middleware that meters a request: one API call of its tenant, and its user. */
  usageMeter(options?: UsageMeterOptions): Handler;
  /**
   * Makes the router of the admin API, for `app.use('/api/admin', …)`. Needs Express 4.18 or 5.
   * @throws TallygateError `invalid_configuration` without `authenticate`
   */
  adminRoutes(options: AdminRoutesOptions): Handler;
  /** Quotas outside of requests. */
  readonly quota: QuotaCalls;
  /** Usage outside of requests. */
  readonly usage: UsageCalls;
  /**
   * Listens: `denied` (a request did not fit, or would not have in a shadow limit), `threshold` (a limit of a fixed
   * window reached 80 or 100 percent: once a window for all processes together), `storeDown` and `storeUp`. Listeners run after the
   * turn in which it happened, outside of any request; what one throws goes to the log. At most 100 an event, and 1,000 events a turn.
   * @returns what ends it
   * @throws TallygateError `invalid_configuration` for an unknown event
   * @example
   * const end = tallygate.on('threshold', ({ tenantId, name, level }) => mail(tenantId, `${level} % of ${name}`));
   */
  on<Name extends keyof TallygateEvents>(name: Name, listener: Listener<Name>): () => void;
  /** What was counted and measured, in the Prometheus text format; the names begin with `tallygate_`. */
  metrics(): Promise<string>;
  /**
   * Brings everything that was booked before the call to the ledger.
   * @throws TallygateError `ledger_unavailable`, `ledger_refused`: what is not there yet stays, and is sent again by itself
   */
  flush(): Promise<void>;
  /**
   * Flushes and ends. Call it once no request is under way any more; what comes later is refused or let pass by `onStoreError`.
   * @param options.deadlineMs longest wait for the ledger. Default 10,000
   * @returns the rows of usage that could not be flushed and are lost with the process; 0 where all is well
   */
  close(options?: { readonly deadlineMs?: number }): Promise<number>;
}

/**
 * Makes a Tallygate. Connects on first use; until ledger, settings and counter store have answered once, requests wait up to 15 s.
 * @throws TallygateError `invalid_configuration` with every fault of options and environment
 * @example
 * const tallygate = createTallygate({ resolveTenant: (req) => req.auth?.tenantId });
 * app.use(tallygate.tenantQuota());
 * app.use(tallygate.usageMeter());
 * process.on('SIGTERM', () => tallygate.close());
 */
export function createTallygate(options: TallygateOptions = {}): Tallygate {
  const { tallygate } = wire(options);
  return tallygate;
}

/** The two middlewares of the ready-made pair, and what ends it. */
export interface ReadyMade extends Pick<Tallygate, 'tenantQuota' | 'usageMeter' | 'close'> {
  /** From now on usage goes to the ledger as soon as it is booked. */
  hurry(): void;
  /** Rows of usage that are not known to be in the ledger. */
  unflushedRows(): number;
}

/** Makes what stands behind `tallygate/middleware/*`. Throws as `createTallygate`. */
export function createReadyMade(): ReadyMade {
  const { tallygate, composition } = wire({});
  return { ...tallygate, hurry: () => composition.hurry(), unflushedRows: () => composition.unflushedRows() };
}

/** Makes an installation for a command, by the environment's configuration. Opens nothing. */
export function openInstallation(config: Config): Installation {
  // What a server says of its start is noise beside a command's result.
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel);
  // It is over before a journal would be of use, and replays none.
  const quiet = { ...config, journal: false };
  const choices = choicesOf(config);
  const composition = compose({ ...choices, config: quiet, log, observer: silentObserver });
  const { database, redis } = choices;
  const parts = { composition, database, dataDir: config.dataDir, clock: systemClock, log };
  return installationOf(composition, {
    examine: () => examine({ ...parts, countersAreShared: redis !== undefined }),
    reconcile: (request) => reconcile(parts, request),
  });
}

function wire(options: TallygateOptions): { tallygate: Tallygate; composition: Composition } {
  const { config, rules, collectStorage, ...chosen } = readOptions(options, process.env);
  const log = createLog(config.logLevel);
  const { observer, traced, metrics, denials, events } = createTelemetry(config, log);
  const composition = compose({
    ...{ config, ...chosen, log, observer, traced },
    // An app's own tests have no tenants whose storage would be true.
    collectStorage: config.enabled ? collectStorage : undefined,
  });
  const { admission, usageRecorder } = composition;
  const caller: CallerParts = {
    resolvers: createResolvers(rules),
    tenantless: createTenantlessNotice(observer, (message) => log.warn({}, message)),
    enabled: config.enabled,
  };
  const quotaParts: TenantQuotaParts = {
    ...caller,
    decide: composition.decide,
    admit: createAdmit(config.headers),
    meters: config.meters,
  };
  const meterParts: UsageMeterParts = {
    ...caller,
    recordCall: (tenantId, usageDate, userId) => usageRecorder.recordCall(tenantId, usageDate, userId),
    usageDateOf: composition.usageDateOf,
    start: admission,
    meterEnabled: config.usageMeterEnabled,
    warn: appFailureLog(systemClock, log),
  };
  const tallygate: Tallygate = {
    tenantQuota: (mount) => createTenantQuota(quotaParts, mount),
    usageMeter: (mount) => createUsageMeter(meterParts, mount),
    adminRoutes: (mount) => adminRoutes(adminParts(composition, denials, config, log), mount),
    quota: quotaCalls(composition, config.meters),
    usage: usageCalls(composition, config.meters, systemClock.wallMs),
    on: (name, listener) => events.on(name, listener),
    metrics: () => metrics.text(),
    flush: () => composition.flush(),
    close: ({ deadlineMs = CLOSE_DEADLINE_MS } = {}) => composition.close(deadlineMs),
  };
  return { tallygate, composition };
}

/** Loaded when called: the middlewares serve apps that have no Express. */
function adminRoutes(parts: AdminRoutesParts, mount: AdminRoutesOptions): Handler {
  const { createAdminRoutes } = require('./routes/adminRoutes.js') as typeof import('./routes/adminRoutes.js');
  return createAdminRoutes(parts, mount);
}
