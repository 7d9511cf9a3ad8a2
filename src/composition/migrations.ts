// The tables of an installation: brought up to date at the start where that is ours to do, and verified where it is not.
import { TallygateError } from '../core/errors.js';
import {
  isUpToDate,
  type MigrationResult,
  type MigrationStatus,
  migrate,
  migrationStatus,
} from '../stores/postgres/migrate.js';
import type { PostgresPool } from '../stores/postgres/postgresPool.js';
import type { Log } from './log.js';

export type { MigrationResult, MigrationStatus } from '../stores/postgres/migrate.js';

/** What can be done about the tables. */
export interface Migrations {
  /** At the start. @throws TallygateError `migrations_pending` where they are somebody else's to apply */
  bringUpToDate(): Promise<void>;
  apply(): Promise<MigrationResult>;
  status(): Promise<MigrationStatus>;
}

/** See the head of this file. `isOurs`: pending migrations are applied at the start. */
export function migrations(parts: {
  readonly pool: PostgresPool;
  readonly schema: string;
  readonly isOurs: boolean;
  readonly log: Log;
}): Migrations {
  const { pool, schema, isOurs, log } = parts;
  return {
    bringUpToDate: async () => {
      if (!isOurs) return requireUpToDate(await migrationStatus(pool, { schema }));
      const { appliedNow } = await migrate(pool, { schema });
      if (appliedNow.length > 0) log.info({ applied: appliedNow, schema }, 'The tables were brought up to date.');
    },
    apply: () => migrate(pool, { schema }),
    status: () => migrationStatus(pool, { schema }),
  };
}

function requireUpToDate(status: MigrationStatus): void {
  if (isUpToDate(status)) return;
  const { schema, pending, missing } = status;
  const what =
    pending.length > 0 ? `migrations are pending (${pending.join(', ')})` : `${missing.join(', ')} is missing`;
  throw new TallygateError(
    'migrations_pending',
    `Schema "${schema}": ${what}. Run \`npx tallygate migrate\`, or start with TALLYGATE_MIGRATE=true.`,
  );
}
