// What tenants store in tables of the app, added up by PostgreSQL in one snapshot. Reads pages through a cursor, which lives in its
// transaction alone, so that PgBouncer may stand in between; and reads all of them before anybody uses one, so that the connection is
// free again and a pool of one is enough.
import { configurationFault, TallygateError } from '../../core/errors.js';
import { textOf, wholeOf } from './columns.js';
import { quoted } from './database.js';
import { readTableColumns } from './postgres.generated.js';
import { sqlStateOf } from './postgresFault.js';
import type { PostgresPool } from './postgresPool.js';
import { inSnapshot, type Session } from './session.js';

/** A table of the app whose rows belong to tenants. */
export interface StorageTable {
  /**
   * A table or view: `documents`, found by the search path of its connections, or `app.documents`. Written as PostgreSQL has it,
   * capitals included; a name with a dot stands in double quotes.
   */
  readonly table: string;
  /** The column that says whose row it is, of any type that has the tenant's id as its text. Rows where it is NULL are nobody's. */
  readonly tenantColumn: string;
  /**
   * A column with the row's size in bytes, such as that of a file that lies elsewhere. Left out: what the row takes in the table,
   * which is 24 bytes and `pg_column_size` of its columns: as they are stored, compressed where they are, and with what lies
   * out of line (TOAST). Indexes, dead rows and free space are not in it.
   */
  readonly bytes?: string;
}

/** Tenants and the digits of their bytes, as PostgreSQL gives them. */
export type TableSum = readonly [tenantId: string, bytes: string];

/** What a row takes besides its columns: PostgreSQL's header, as `pg_column_size` of a whole row has it. */
const ROW_HEADER_BYTES = 24;
/** Rows of the result that the driver holds at a time. */
const PAGE = 5_000;
/** Connecting and looking for the tables, on top of the sum's own time. */
const AROUND_MS = 10_000;

/**
 * Sums the tables by tenant.
 * @param timeoutMs longest time of one statement
 * @throws TallygateError `invalid_configuration` for tables and columns that are not there, `ledger_unavailable` for the rest
 */
export async function sumTables(
  pool: PostgresPool,
  tables: readonly StorageTable[],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<readonly TableSum[]> {
  try {
    return await inSnapshot(pool, timeoutMs + AROUND_MS, async (session) => {
      // Where the policies of rows would hide some from this role, PostgreSQL then refuses: a part of the truth would be billed.
      await session.query(`SET LOCAL statement_timeout = ${timeoutMs}; SET LOCAL row_security = off`);
      const parts: string[] = [];
      for (const [index, table] of tables.entries()) parts.push(await sumOf(session, table, `tables[${index}]`));
      return await readPages(session, parts, signal);
    });
  } catch (error) {
    throw sumFault(error, timeoutMs);
  }
}

/** The statement that sums one table. Nothing of it but quoted names comes from outside. */
async function sumOf(
  session: Session,
  { table, tenantColumn, bytes }: StorageTable,
  location: string,
): Promise<string> {
  const name = quotedName(table);
  const columns = new Map<string, boolean>();
  for (const row of name === undefined ? [] : await session.query(readTableColumns, [name])) {
    columns.set(textOf(row, 'name'), wholeOf(row, 'is_number') === 1);
  }
  if (name === undefined || columns.size === 0) {
    const message = `expected a table or view of this database that its connections find, got "${table}"`;
    throw configurationFault([{ location: `${location}.table`, message }]);
  }
  const known = `expected a column of ${table} (${[...columns.keys()].join(', ')})`;
  const missing = Object.entries({ tenantColumn, bytes })
    .filter(([, column]) => column !== undefined && !columns.has(column))
    .map(([option, column]) => ({ location: `${location}.${option}`, message: `${known}, got "${column}"` }));
  if (missing.length > 0) throw configurationFault(missing);
  if (bytes !== undefined && columns.get(bytes) !== true) {
    const message = `expected a column of numbers, got "${bytes}" of ${table}`;
    throw configurationFault([{ location: `${location}.bytes`, message }]);
  }
  const sizes = [...columns.keys()].map((column) => `coalesce(pg_column_size(counted.${quoted(column)}), 0)`);
  const size = bytes === undefined ? `${ROW_HEADER_BYTES} + ${sizes.join(' + ')}` : `counted.${quoted(bytes)}`;
  const tenant = `counted.${quoted(tenantColumn)}`;
  return `SELECT ${tenant}::text AS tenant_id, coalesce(sum((${size})::numeric), 0) AS bytes
    FROM ${name} AS counted WHERE ${tenant} IS NOT NULL GROUP BY 1`;
}

async function readPages(session: Session, parts: readonly string[], signal: AbortSignal): Promise<TableSum[]> {
  await session.query(
    `SET LOCAL cursor_tuple_fraction = 1;
     DECLARE tallygate_storage NO SCROLL CURSOR FOR
     SELECT tenant_id, trunc(sum(bytes))::text AS bytes FROM (${parts.join(' UNION ALL ')}) AS tables GROUP BY tenant_id`,
  );
  const sums: TableSum[] = [];
  for (;;) {
    signal.throwIfAborted();
    const rows = await session.query(`FETCH FORWARD ${PAGE} FROM tallygate_storage`);
    for (const row of rows) sums.push([textOf(row, 'tenant_id'), textOf(row, 'bytes')]);
    if (rows.length < PAGE) return sums;
  }
}

/** A part between double quotes, or one that has none and no dot. */
const PART = '(?:"((?:[^"]|"")+)"|([^".]+))';
const TABLE_NAME = new RegExp(`^${PART}(?:\\.${PART})?$`);

/** The name with each part quoted; undefined where it is none. */
function quotedName(table: string): string | undefined {
  const parts = TABLE_NAME.exec(table)?.slice(1);
  if (parts === undefined || table.includes('\0')) return undefined;
  return parts
    .filter((part) => part !== undefined)
    .map((part) => quoted(part.replaceAll('""', '"')))
    .join('.');
}

/** The app's own tables are not ours to migrate: what PostgreSQL says of them is told as it is. */
function sumFault(error: unknown, timeoutMs: number): unknown {
  if (!(error instanceof TallygateError) || sqlStateOf(error.cause) === undefined) return error;
  const said = error.cause instanceof Error ? error.cause.message : error.message;
  const more = sqlStateOf(error.cause) === '57014' ? `, and one may take ${timeoutMs} ms (timeoutMs)` : '';
  return new TallygateError('ledger_unavailable', `PostgreSQL does not sum the tables: ${said}${more}`, {
    cause: error.cause,
  });
}
