// What an app may say in code, laid over the environment: an option left out means what its variable says. Read once, all
// faults at once; the app's object is neither changed nor kept.
import { type Config, type Environment, type QuotaMode, readConfig } from '../config.js';
import { configurationFault, type Fault, hasCode } from '../core/errors.js';
import { type Meter, type Meters, meterFaults } from '../core/meter.js';
import type { StoreErrorPolicy } from '../core/quota/decision.js';
import type { Limit } from '../core/quota/limit.js';
import type { Plans } from '../core/quota/plans.js';
import { readPlans } from '../core/quota/readPlans.js';
import { schemaFault } from '../core/schemaName.js';
import type { TenantRules } from '../http/tenantOf.js';
import type { ResolvePlan } from '../services/usage/planResolver.js';
import type { PostgresPool } from '../stores/postgres/postgresPool.js';
import type { RedisClient } from '../stores/redis/redisClients.js';
import {
  type CollectStorage,
  readCollectStorage,
  type StorageCollectionChoice,
  type StorageCollectionOption,
} from './storageCollection.js';
import { choicesOf, type StoreChoices } from './storeChoices.js';

/** When usage goes to the ledger. */
export type FlushMode = 'interval' | 'request';

/** Options of `createTallygate`. Every one may be left out: then the environment says it, or its default. */
export interface TallygateOptions extends Pick<TenantRules, 'resolveTenant' | 'resolveUser'> {
  /**
   * A PostgreSQL URL (15 or newer; `?schema=` names the schema), or a pool of `pg`, which stays the app's.
   * @defaultValue `DATABASE_URL`; without it the embedded database in `TALLYGATE_DATA_DIR`
   */
  readonly database?: string | PostgresPool;
  /**
   * The PostgreSQL schema of the tables, where `database` is a pool.
   * @defaultValue `tallygate`
   */
  readonly schema?: string;
  /**
   * What `REDIS_URL` may say (`REDIS_MODE` and `REDIS_SENTINEL_NAME` hold for it too), or a client of node-redis (5 or newer, also
   * of a cluster; of sentinels from 6 on) or ioredis (5 or newer, also `Redis.Cluster`). A client is only copied, with options that make
   * it safe: it need not be connected, and stays the app's.
   * @defaultValue `REDIS_URL`; without it counters in this process
   */
  readonly redis?: string | RedisClient;
  /**
   * Meters of the team's own, by name: what is metered beside API calls, users and storage, each a `counter` (amounts that add up) or a
   * `level` (a state that holds until the next one), with the name of one of it. At most 32. A meter keeps its kind for good:
   * another kind is another name.
   * @defaultValue `USAGE_METERS`, or none
   * @example
   * createTallygate({ meters: { tokens: { kind: 'counter', unit: 'token' }, seats: { kind: 'level', unit: 'seat' } } });
   */
  readonly meters?: Readonly<Record<string, Meter>>;
  /**
   * Plans by name, beside those of the environment; one of the same name replaces it.
   * @defaultValue free, pro and enterprise, as `QUOTA_*` sets them
   */
  readonly plans?: Readonly<Record<string, readonly Limit[]>>;
  /**
   * The plan of a tenant that nobody gave one.
   * @defaultValue `QUOTA_DEFAULT_PLAN`, or `free`
   */
  readonly defaultPlan?: string;
  /**
   * Names a tenant's plan from the app's own data; undefined: the stored one holds. An override of the tenant's wins over it. Asked
   * at most every 500 ms a tenant, one call at a time; after 250 ms, where it throws or names no known plan, the plan that it named
   * last holds, else the stored one.
   * @defaultValue none: the stored plan
   * @example
   * createTallygate({ resolvePlan: async (tenantId) => (await accounts.find(tenantId))?.plan });
   */
  readonly resolvePlan?: ResolvePlan;
  /**
   * When usage goes to the ledger: at the interval, or as soon as it is booked, which costs a transaction a request or two. `request` is
   * for where a process may stand still or vanish after a response and has no disk for a journal: serverless.
   * @defaultValue `interval`: after `USAGE_METER_FLUSH_INTERVAL_MS`, or when `USAGE_METER_BATCH_SIZE` rows wait
   */
  readonly flush?: FlushMode;
  /**
   * Tells what each tenant stores now, in bytes: once an hour (or as `everyMinutes` says) in one process of the fleet. A tenant that it
   * told of before and does not tell of any more has 0 from then on, so it throws where it cannot tell the whole; others keep what they
   * had. Levels hold 35 days without a further run. Begins with the first use, as everything here does; not where `USAGE_METER_ENABLED` or
   * `TALLYGATE_ENABLED` is false.
   * @defaultValue none: storage is what the app records
   * @example
   * createTallygate({ database: pool, collectStorage: sumTableStorage({ tables: [{ table: 'files', tenantColumn: 'tenant_id' }] }) });
   */
  readonly collectStorage?: CollectStorage | StorageCollectionOption;
  /**
   * What becomes of a tenant that has no setting, and for whom `resolvePlan` names no plan: `deny` refuses it with 403.
   * @defaultValue `UNKNOWN_TENANTS`, or `admit`
   */
  readonly unknownTenants?: 'admit' | 'deny';
  /**
   * False: nobody is refused; what would have been is let pass and reported.
   * @defaultValue `QUOTA_ENFORCE`, or true
   */
  readonly enforce?: boolean;
  /**
   * `strict` asks the counter store at each request; `leased` takes blocks from it, and answers most requests without it.
   * @defaultValue `QUOTA_MODE`, or `strict`
   */
  readonly mode?: QuotaMode;
  /**
   * What becomes of a request while the counter store does not answer: `deny` refuses it with 503, `allow` lets it pass and
   * counts it, `local` lets pass what this process knows to be left.
   * @defaultValue `QUOTA_ON_STORE_ERROR`, or `local`
   */
  readonly onStoreError?: StoreErrorPolicy;
  /**
   * Whether metrics tell tenants apart: the first 1,000 tenants of a process, the rest as `other`.
   * @defaultValue `METRICS_TENANT_LABELS`, or false
   */
  readonly metricsTenantLabels?: boolean;
}

/** Options and environment, read. */
export interface ReadOptions extends StoreChoices {
  readonly config: Config;
  readonly resolvePlan: ResolvePlan | undefined;
  readonly flush: FlushMode;
  readonly collectStorage: StorageCollectionChoice | undefined;
  readonly rules: TenantRules;
}

const KNOWN: ReadonlySet<string> = new Set<keyof TallygateOptions>([
  'database',
  'schema',
  'redis',
  'meters',
  'plans',
  'defaultPlan',
  'resolvePlan',
  'flush',
  'collectStorage',
  'unknownTenants',
  'enforce',
  'mode',
  'onStoreError',
  'metricsTenantLabels',
  'resolveTenant',
  'resolveUser',
]);
/** Options that are functions, and of what. */
const FUNCTIONS = [
  ['resolveTenant', 'request'],
  ['resolveUser', 'request'],
  ['resolvePlan', "tenant's id"],
] as const;
/** Options that say just what their variable says. */
const TEXT_OPTIONS: ReadonlySet<keyof TallygateOptions> = new Set([
  'onStoreError',
  'mode',
  'enforce',
  'unknownTenants',
  'metricsTenantLabels',
]);
/** Options whose text is read as the variable's, and so refused by the variable's name. */
const OPTION_OF_VARIABLE: Readonly<Record<string, keyof TallygateOptions>> = {
  DATABASE_URL: 'database',
  REDIS_URL: 'redis',
  QUOTA_ON_STORE_ERROR: 'onStoreError',
  QUOTA_MODE: 'mode',
  QUOTA_ENFORCE: 'enforce',
  UNKNOWN_TENANTS: 'unknownTenants',
  METRICS_TENANT_LABELS: 'metricsTenantLabels',
};

/**
 * Reads options over an environment.
 * @throws TallygateError `invalid_configuration` with every fault of both
 */
export function readOptions(options: TallygateOptions, env: Environment): ReadOptions {
  // From JavaScript anything may come.
  const given: unknown = options;
  if (typeof given !== 'object' || given === null)
    throw configurationFault([
      { location: 'createTallygate', message: `expected an object of options, got ${String(given)}` },
    ]);
  const faults: Fault[] = Object.keys(options)
    .filter((name) => !KNOWN.has(name))
    .map((name) => ({ location: name, message: `expected one of the options ${[...KNOWN].join(', ')}` }));
  const { database } = options;
  if (database !== undefined && typeof database !== 'string' && typeof database?.connect !== 'function') {
    faults.push({ location: 'database', message: 'expected a PostgreSQL URL or a pool of pg' });
  }
  if (options.flush !== undefined && options.flush !== 'interval' && options.flush !== 'request') {
    faults.push({
      location: 'flush',
      message: `expected "interval" or "request", got ${JSON.stringify(options.flush)}`,
    });
  }
  if (options.schema !== undefined) faults.push(...schemaFaults(options.schema, database));
  if (options.meters !== undefined) faults.push(...meterFaults(options.meters));
  const plans =
    options.plans === undefined ? undefined : readPlans(options.plans, 'plans', metersOf(options, new Map()));
  faults.push(...(plans?.faults ?? []));
  for (const [name, of] of FUNCTIONS) {
    const given = options[name];
    if (given !== undefined && typeof given !== 'function') {
      faults.push({ location: name, message: `expected a function of the ${of}, got ${typeof given}` });
    }
  }
  const collectStorage = readCollectStorage(options.collectStorage, faults);
  const config = readOver(options, plans?.plans, env, faults);
  if (config === undefined || faults.length > 0) throw configurationFault(faults);
  return {
    config,
    ...choicesOf(config, options),
    resolvePlan: options.resolvePlan,
    flush: options.flush ?? 'interval',
    collectStorage,
    rules: {
      resolveTenant: options.resolveTenant,
      resolveUser: options.resolveUser,
      tenantHeader: config.tenantHeader,
    },
  };
}

function schemaFaults(schema: string, database: TallygateOptions['database']): Fault[] {
  if (database === undefined || typeof database === 'string') {
    return [{ location: 'schema', message: 'expected with a pool only: a URL names its schema by ?schema=' }];
  }
  const fault = schemaFault(schema);
  return fault === undefined ? [] : [{ location: 'schema', message: fault }];
}

/** The environment with the options in it. What it refuses is told by the option's name where the option said it. */
function readOver(
  options: TallygateOptions,
  plans: Plans | undefined,
  env: Environment,
  faults: Fault[],
): Config | undefined {
  const given: Record<string, string | undefined> = {};
  if (typeof options.database === 'string') given.DATABASE_URL = options.database;
  // A pool is a database: the rule that production needs one is kept, and the variable has no say.
  else if (options.database !== undefined) Object.assign(given, { DATABASE_URL: '', TALLYGATE_EMBEDDED: 'true' });
  if (typeof options.redis === 'string') given.REDIS_URL = options.redis;
  // A client says where Redis is, the environment still which prefix its keys have.
  else if (options.redis !== undefined)
    Object.assign(given, { REDIS_URL: 'redis://client', REDIS_MODE: '', REDIS_SENTINEL_NAME: '' });
  for (const [variable, option] of Object.entries(OPTION_OF_VARIABLE)) {
    if (TEXT_OPTIONS.has(option) && options[option] !== undefined) given[variable] = String(options[option]);
  }
  const defaultPlan = options.defaultPlan ?? (env.QUOTA_DEFAULT_PLAN || undefined);
  // Judged below, where the plans of both are known.
  given.QUOTA_DEFAULT_PLAN = '';
  // The option stands in the variable's place, so the variable has no say.
  if (options.meters !== undefined) given.USAGE_METERS = '';
  const config = configOrFaults({ ...env, ...given }, given, faults);
  if (config === undefined) return undefined;
  const known = new Map([...config.plans, ...(plans ?? [])]);
  if (defaultPlan !== undefined && !known.has(defaultPlan)) {
    const location = options.defaultPlan === undefined ? 'QUOTA_DEFAULT_PLAN' : 'defaultPlan';
    faults.push({ location, message: `expected a known plan (${[...known.keys()].join(', ')}), got "${defaultPlan}"` });
  }
  return {
    ...config,
    meters: metersOf(options, config.meters),
    plans: known,
    defaultPlan: defaultPlan ?? config.defaultPlan,
  };
}

/** What the option says, copied: nothing that is the app's is kept. Refused ones were told already. */
function metersOf({ meters }: TallygateOptions, otherwise: Meters): Meters {
  if (meters === undefined) return otherwise;
  if (meterFaults(meters).length > 0) return new Map();
  return new Map(Object.entries(meters).map(([name, { kind, unit }]) => [name, { kind, unit }]));
}

function configOrFaults(env: Environment, given: Environment, faults: Fault[]): Config | undefined {
  try {
    return readConfig(env);
  } catch (error) {
    if (!hasCode(error, 'invalid_configuration')) throw error;
    faults.push(
      ...error.faults.map((fault) => ({
        location: given[fault.location] ? (OPTION_OF_VARIABLE[fault.location] ?? fault.location) : fault.location,
        message: fault.message,
      })),
    );
    return undefined;
  }
}
