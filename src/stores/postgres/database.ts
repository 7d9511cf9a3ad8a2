// What every operation of this room needs: connections, and statements that name the schema they are for.
import { TallygateError } from '../../core/errors.js';
import { schemaFault } from '../../core/schemaName.js';
import type { PostgresPool } from './postgresPool.js';

/** Connections to one database, and the schema of it that holds the tables. */
export interface Database {
  readonly pool: PostgresPool;
  readonly schema: string;
  /** Longest wait for one operation, in milliseconds. */
  readonly deadlineMs: number;
  /** A statement of this room with its `{schema}.` replaced by the schema's quoted name. */
  sql(text: string): string;
}

/** What may be said about a database. */
export interface DatabaseOptions {
  /** The PostgreSQL schema that holds the tables. */
  readonly schema: string;
  /** Longest wait for one operation, in milliseconds. @defaultValue 10,000 */
  readonly deadlineMs?: number;
}

const DEFAULT_DEADLINE_MS = 10_000;

/** A name between double quotes, with those inside it doubled. */
export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;

/** Connections with a schema. Every statement names it: behind PgBouncer a connection's search_path is anybody's. */
export function databaseOf(pool: PostgresPool, options: DatabaseOptions): Database {
  const { schema, deadlineMs = DEFAULT_DEADLINE_MS } = options;
  const fault = schemaFault(schema);
  if (fault !== undefined) throw new TallygateError('invalid_configuration', `schema: ${fault}`);
  const known = new Map<string, string>(); // as many entries as this room has statements
  const sql = (text: string): string => {
    const present = known.get(text) ?? text.replaceAll('{schema}.', `${quoted(schema)}.`);
    known.set(text, present);
    return present;
  };
  return { pool, schema, deadlineMs, sql };
}
