// Which stores options and configuration name: an option wins over its variable, which wins over what needs nothing.
import type { Config } from '../config.js';
import { DEFAULT_SCHEMA } from '../core/schemaName.js';
import { dataFolderOf } from '../embedded/dataFolder.js';
import type { PostgresPool } from '../stores/postgres/postgresPool.js';
import type { RedisClient } from '../stores/redis/redisClients.js';
import type { RedisChoice } from './counters.js';
import type { DatabaseChoice } from './database.js';

/** The stores of an installation. */
export interface StoreChoices {
  readonly database: DatabaseChoice;
  readonly redis: RedisChoice;
}

/** What an app may say of them in code. */
interface StoreOptions {
  readonly database?: string | PostgresPool;
  readonly schema?: string;
  readonly redis?: string | RedisClient;
}

/** The stores that a configuration names, with what options said in its place. */
export function choicesOf(config: Config, options: StoreOptions = {}): StoreChoices {
  return { database: databaseChoice(options, config), redis: redisChoice(options, config) };
}

function databaseChoice({ database, schema }: StoreOptions, config: Config): DatabaseChoice {
  if (database !== undefined && typeof database !== 'string') {
    return { kind: 'pool', pool: database, schema: schema ?? DEFAULT_SCHEMA };
  }
  if (config.database !== undefined) return { kind: 'address', address: config.database };
  return { kind: 'embedded', folder: dataFolderOf(config.dataDir), schema: DEFAULT_SCHEMA };
}

function redisChoice({ redis }: StoreOptions, config: Config): RedisChoice {
  if (config.redis === undefined) return undefined;
  const { servers, keyPrefix } = config.redis;
  return { server: redis === undefined || typeof redis === 'string' ? servers : redis, keyPrefix };
}
