// The tenants' settings on PostgreSQL.
import type { TenantDirectory } from '../../ports/tenantDirectory.js';
import { type DatabaseOptions, databaseOf } from './database.js';
import type { PostgresPool } from './postgresPool.js';
import { changeSetting, loadSettings, readPolled, resetTenant } from './settings.js';

/** What may be said about a directory. */
export interface TenantDirectoryOptions extends DatabaseOptions {
  /**
   * Where the version is polled: a pool of one connection, so that a poll never waits behind a batch.
   * @defaultValue the directory's own pool
   */
  readonly pollPool?: PostgresPool;
  /**
   * Told, with each version that is read, when all producers were last asked to bring what they have (by the database's clock).
   * @defaultValue nobody is told
   */
  readonly onFlushAsked?: (askedAtMs: number) => void;
}

/** Longest wait for one poll. */
const POLL_DEADLINE_MS = 250;

/**
 * The settings in the tables of `options.schema`. Makes no connection of its own and ends none.
 * @throws TallygateError `invalid_configuration` where the schema's name cannot be one.
 */
export function postgresTenantDirectory(pool: PostgresPool, options: TenantDirectoryOptions): TenantDirectory {
  const { pollPool = pool, onFlushAsked, ...others } = options;
  const database = databaseOf(pool, others);
  const polled = databaseOf(pollPool, { schema: options.schema, deadlineMs: POLL_DEADLINE_MS });
  return {
    loadAll: () => loadSettings(database, 0),
    readVersion: async () => {
      // Along with what is read anyway: whoever reconciles waits for all processes, and none of them asks for more because of that.
      const { version, flushAskedAtMs } = await readPolled(polled);
      if (flushAskedAtMs !== undefined) onFlushAsked?.(flushAskedAtMs);
      return version;
    },
    loadSince: (version) => loadSettings(database, version),
    change: (tenantId, change) => changeSetting(database, tenantId, change),
    reset: (tenantId, reset) => resetTenant(database, tenantId, reset),
  };
}
