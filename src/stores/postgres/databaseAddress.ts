// DATABASE_URL taken apart: `?schema=` is Prisma's convention and means nothing to the driver.
import { TallygateError } from '../../core/errors.js';

/** The PostgreSQL schema that holds the tables unless the address names another. */
export const DEFAULT_SCHEMA = 'tallygate';

/** Where a database is, and which of its schemas holds the tables. */
export interface DatabaseAddress {
  /** For the driver: without `schema`. */
  readonly url: string;
  readonly schema: string;
}

// Cut off by PostgreSQL beyond 63 bytes, so that two long names could be one schema; pg_ is reserved.
const SCHEMA_NAME = /^(?!pg_)[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** Why `schema` cannot hold the tables, or undefined where it can. */
export function schemaFault(schema: string): string | undefined {
  if (SCHEMA_NAME.test(schema) && schema !== 'information_schema') return undefined;
  return `expected 1 to 63 letters, digits, "_" or "-", not beginning with a digit, "-" or "pg_", got "${schema}"`;
}

/**
 * Reads a `postgres://` or `postgresql://` address.
 * @throws TallygateError `invalid_configuration` with what was expected. The message never holds the address: it has a password.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')) {
    throw invalid('expected an address such as postgresql://user:password@host:5432/database, got something else');
  }
  const given = url.searchParams.getAll('schema');
  if (given.length > 1) throw invalid(`expected one ?schema=, got ${given.length}`);
  const schema = given[0] ?? DEFAULT_SCHEMA;
  const fault = schemaFault(schema);
  if (fault !== undefined) throw invalid(`?schema=: ${fault}`);
  url.searchParams.delete('schema');
  return { url: url.toString(), schema };
}

function invalid(message: string): TallygateError {
  return new TallygateError('invalid_configuration', `DATABASE_URL: ${message}`, {
    faults: [{ location: 'DATABASE_URL', message }],
  });
}
