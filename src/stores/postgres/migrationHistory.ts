// What the database says was applied, held against what this package ships. Pure: rows in, a verdict out.
import { TallygateError } from '../../core/errors.js';
import type { MigrationFile } from './migrationFiles.js';

/** A row of `_prisma_migrations` that was not rolled back. */
export interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  /** false: it began and never ended, which only Prisma's own command can leave behind. */
  readonly finished: boolean;
}

/** How a schema stands. */
export interface MigrationHistory {
  /**
   * `managed`: the schema is ours and our runner migrates it. `adopted`: its `_prisma_migrations` holds names and none of
   * them is ours, so a team owns the tables, and its own migrations make them.
   */
  readonly mode: 'managed' | 'adopted';
  /** Ours that are applied. */
  readonly applied: readonly string[];
  /** Ours that are not. Empty in an adopted schema: there they are not for us to apply. */
  readonly pending: readonly MigrationFile[];
  /** Names that this package does not know: of a newer version of it, or the team's own. */
  readonly unknown: readonly string[];
}

/**
 * Compares. A database that a newer version has migrated is fine as it is: a rolling deploy runs both versions on it.
 * @throws TallygateError `ledger_mismatch` where an applied migration was changed afterwards, has failed, or where ours are
 *   pending in a schema that holds names we do not know.
 */
export function compareHistory(
  schema: string,
  files: readonly MigrationFile[],
  rows: readonly AppliedMigration[],
): MigrationHistory {
  const shipped = new Map(files.map((file) => [file.name, file]));
  const unknown = rows.filter((row) => !shipped.has(row.name)).map((row) => row.name);
  const ours = rows.filter((row) => shipped.has(row.name));
  if (ours.length === 0 && unknown.length > 0) return { mode: 'adopted', applied: [], pending: [], unknown };
  for (const row of ours) expectSound(schema, row, shipped.get(row.name)?.checksum);
  const applied = new Set(ours.map((row) => row.name));
  const pending = files.filter((file) => !applied.has(file.name));
  if (unknown.length > 0 && pending.length > 0) {
    throw mismatch(
      schema,
      `it lacks ${pending.map((file) => file.name).join(', ')} and holds ${unknown.join(', ')}, which this version does not know`,
      'Run the newest version of Tallygate that was used on this database, or give Tallygate a schema of its own by ?schema=',
    );
  }
  return { mode: 'managed', applied: [...applied], pending, unknown };
}

function expectSound(schema: string, row: AppliedMigration, checksum: string | undefined): void {
  if (!row.finished) {
    throw mismatch(
      schema,
      `${row.name} began and did not end`,
      'Undo by hand what it left behind, delete its row from _prisma_migrations, then run `npx tallygate migrate`',
    );
  }
  if (row.checksum !== checksum) {
    throw mismatch(
      schema,
      `${row.name} was applied with checksum ${row.checksum}, and this version ships it with ${checksum}`,
      'Put back the file as it was applied, or install the version of Tallygate that applied it',
    );
  }
}

function mismatch(schema: string, what: string, remedy: string): TallygateError {
  return new TallygateError('ledger_mismatch', `Migrations of schema "${schema}": ${what}. ${remedy}.`);
}
