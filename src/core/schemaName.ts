// Which PostgreSQL schema may hold the tables: what `?schema=`, an option and a statement's quoted name agree on.

/** The schema that holds the tables unless the address names another. */
export const DEFAULT_SCHEMA = 'tallygate';

// Cut off by PostgreSQL beyond 63 bytes, so that two long names could be one schema; pg_ is reserved.
const SCHEMA_NAME = /^(?!pg_)[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** Why `schema` cannot hold the tables, or undefined where it can. */
export function schemaFault(schema: string): string | undefined {
  if (SCHEMA_NAME.test(schema) && schema !== 'information_schema') return undefined;
  return `expected 1 to 63 letters, digits, "_" or "-", not beginning with a digit, "-" or "pg_", got "${schema.slice(0, 80)}"`;
}
