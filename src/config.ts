// The environment, read once into a Config: every variable, its default, and all that is wrong with them at once.
import { type Environment, EnvironmentReader } from './config/environment.js';
import { readMeters } from './config/meterVariables.js';
import { readPlanVariables } from './config/quotaVariables.js';
import { type DatabaseAddress, type RedisAddress, readDatabase, readRedis } from './config/storeVariables.js';
import type { Meters } from './core/meter.js';
import type { StoreErrorPolicy } from './core/quota/decision.js';
import { DEFAULT_PLAN, type Plans } from './core/quota/plans.js';

export type { Environment } from './config/environment.js';
export type { DatabaseAddress, RedisAddress } from './config/storeVariables.js';
export { configurationFault } from './core/errors.js';

/** Which response headers tell a client of its limits. */
export type HeaderStyle = 'legacy' | 'standard' | 'both' | 'none';

/** Where quotas are decided: at each request in the counter store, or in the process as far as a block taken there reaches. */
export type QuotaMode = 'strict' | 'leased';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Everything that an environment says. Undefined: not set, and without a default. */
export interface Config {
  /** Undefined: the embedded database in `dataDir`. */
  readonly database: DatabaseAddress | undefined;
  /** Undefined: counters in the process. */
  readonly redis: RedisAddress | undefined;
  /** Whether api calls, users and storage are booked. Quota units and denials always are. */
  readonly usageMeterEnabled: boolean;
  /** Whether usage also lies on disk until the ledger has it. */
  readonly journal: boolean;
  /** Distinct rows (tenant, day, meter) that make a flush due; 1 to 100,000. */
  readonly flushRows: number;
  /** Longest wait of an increment before it is sent to the ledger, in milliseconds; 250 to 3,600,000. */
  readonly flushIntervalMs: number;
  /** Meters of the team's own, by name. */
  readonly meters: Meters;
  readonly plans: Plans;
  /** A name in `plans`. */
  readonly defaultPlan: string;
  readonly mode: QuotaMode;
  /** False: what would be refused is let pass and reported. */
  readonly enforce: boolean;
  /** What becomes of a tenant without a setting; `deny` refuses it with 403. */
  readonly unknownTenants: 'admit' | 'deny';
  readonly onStoreError: StoreErrorPolicy;
  /** Longest wait for the counter store, from the request's arrival, in milliseconds; 1 to 60,000. */
  readonly storeTimeoutMs: number;
  readonly headers: HeaderStyle;
  /** In small letters. */
  readonly tenantHeader: string | undefined;
  readonly adminToken: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** As given: relative to the working directory, or absolute. */
  readonly dataDir: string;
  /** Whether pending migrations are applied to PostgreSQL at start. The embedded database's always are. */
  readonly migrate: boolean;
  /** False: both middlewares pass everything through. */
  readonly enabled: boolean;
  readonly metricsPublic: boolean;
  /** Whether metrics tell tenants apart: the first 1,000 of a process, the rest as one. */
  readonly metricsTenantLabels: boolean;
  readonly logLevel: LogLevel;
}

const LEAST_FLUSH_INTERVAL_MS = 250;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
// What a Bearer header can carry: visible ASCII, no blank.
const TOKEN = /^[\x21-\x7e]{1,512}$/;
const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * Reads an environment such as `process.env`. An empty variable is unset, booleans are exactly `true` or `false`, numbers
 * only digits.
 *
 * @throws TallygateError `invalid_configuration` with one fault for everything that is wrong: the variable, what was
 * expected, what was found. Secrets are not shown.
 */
export function readConfig(env: Environment): Config {
  const reader = new EnvironmentReader(env);
  const meters = readMeters(reader);
  const plans = readPlanVariables(env, reader, meters);
  const tenantHeader = reader.matching('TENANT_HEADER', HEADER_NAME, "a header's name such as X-Tenant-Id");
  const config: Config = {
    database: readDatabase(reader),
    redis: readRedis(reader),
    usageMeterEnabled: reader.flag('USAGE_METER_ENABLED', true),
    journal: reader.flag('USAGE_METER_JOURNAL', true),
    flushRows: reader.whole('USAGE_METER_BATCH_SIZE', { least: 1, most: 100_000, otherwise: 100 }),
    flushIntervalMs: readFlushInterval(reader),
    meters,
    plans,
    defaultPlan: readDefaultPlan(reader, plans),
    mode: reader.choice('QUOTA_MODE', ['strict', 'leased'], 'strict'),
    enforce: reader.flag('QUOTA_ENFORCE', true),
    unknownTenants: reader.choice('UNKNOWN_TENANTS', ['admit', 'deny'], 'admit'),
    onStoreError: reader.choice('QUOTA_ON_STORE_ERROR', ['local', 'allow', 'deny'], 'local'),
    storeTimeoutMs: reader.whole('QUOTA_STORE_TIMEOUT_MS', { least: 1, most: 60_000, otherwise: 250 }),
    headers: reader.choice('QUOTA_HEADERS', ['legacy', 'standard', 'both', 'none'], 'both'),
    tenantHeader: tenantHeader?.toLowerCase(),
    adminToken: reader.secret('ADMIN_TOKEN', TOKEN, '1 to 512 visible ASCII characters without blanks'),
    port: reader.whole('PORT', { least: 0, most: 65_535, otherwise: 3000 }),
    host: reader.matching('HOST', /^[^\s/]{1,255}$/, 'an address or host name') ?? '127.0.0.1',
    dataDir: reader.matching('TALLYGATE_DATA_DIR', /^[^\0]{1,4000}$/, 'the path of a folder') ?? '.tallygate',
    migrate: reader.flag('TALLYGATE_MIGRATE', false),
    enabled: reader.flag('TALLYGATE_ENABLED', true),
    metricsPublic: reader.flag('METRICS_PUBLIC', false),
    metricsTenantLabels: reader.flag('METRICS_TENANT_LABELS', false),
    logLevel: reader.choice('LOG_LEVEL', LOG_LEVELS, 'info'),
  };
  reader.throwFaults();
  return config;
}

function readFlushInterval(reader: EnvironmentReader): number {
  const most = 3_600_000;
  const asked = reader.whole('USAGE_METER_FLUSH_INTERVAL_MS', { least: 0, most, otherwise: 5_000 });
  return Math.max(LEAST_FLUSH_INTERVAL_MS, asked);
}

function readDefaultPlan(reader: EnvironmentReader, plans: Plans): string {
  const plan = reader.text('QUOTA_DEFAULT_PLAN') ?? DEFAULT_PLAN;
  if (!plans.has(plan)) reader.expected('QUOTA_DEFAULT_PLAN', `a known plan (${[...plans.keys()].join(', ')})`, plan);
  return plan;
}
