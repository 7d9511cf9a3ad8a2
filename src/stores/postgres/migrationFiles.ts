// The migrations as the package ships them: prisma/migrations/<time>_<name>/migration.sql, in the order of their names.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One migration. */
export interface MigrationFile {
  /** The folder's name: a time and a word, so that names sort in the order in which they are applied. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hex, as Prisma writes it. */
  readonly checksum: string;
}

// The same distance from src/stores/postgres and from dist/stores/postgres.
const PACKAGED = join(__dirname, '..', '..', '..', 'prisma', 'migrations');

/** Reads the migrations in `folder`, by default the package's own. */
export function migrationFiles(folder: string = PACKAGED): MigrationFile[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const bytes = readFileSync(join(folder, name, 'migration.sql'));
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
