// A ready-made `collectStorage`: what tenants store in PostgreSQL tables that have a tenant column.
import { configurationFault, type Fault } from '../core/errors.js';
import type { PostgresPool } from '../stores/postgres/postgresPool.js';
import { type StorageTable, sumTables } from '../stores/postgres/tableStorage.js';
import type { CollectStorage } from './storageCollection.js';

export type { StorageTable } from '../stores/postgres/tableStorage.js';

/** Which tables are summed, and where. */
export interface TableStorageOptions {
  /** At least one. A tenant has the sum over all of them; one that has rows in none of them has 0. */
  readonly tables: readonly StorageTable[];
  /**
   * A pool of `pg` for the database of the tables. One connection of it is held while it sums.
   * @defaultValue the connections of the ledger, where the tables lie in the same database
   */
  readonly pool?: PostgresPool;
  /**
   * Longest time of the sum, in milliseconds: whole, from 1 to 86,400,000.
   * @defaultValue 300,000
   */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 300_000;
const MOST_TIMEOUT_MS = 86_400_000;

/**
 * Makes a `collectStorage` that sums rows by tenant, in one REPEATABLE READ, READ ONLY transaction that works behind PgBouncer too.
 * All rows are read: on tables where that takes minutes, give the row's size in a column with an index over it and the tenant's, or
 * collect more seldom. Where policies of rows would hide some from the pool's role, the run fails instead of telling a part.
 * @throws TallygateError `invalid_configuration` for options that cannot be; tables and columns are looked for by each run
 * @example
 * const files = { table: 'app.files', tenantColumn: 'tenant_id', bytes: 'size_bytes' };
 * const notes = { table: 'app.notes', tenantColumn: 'tenant_id' };
 * createTallygate({ database: pool, collectStorage: sumTableStorage({ tables: [files, notes] }) });
 */
export function sumTableStorage(options: TableStorageOptions): CollectStorage {
  const { tables, pool, timeoutMs = DEFAULT_TIMEOUT_MS } = checked(options);
  return ({ signal, database }) => sumTables(pool ?? database, tables, { timeoutMs, signal });
}

const OF_TABLE: readonly string[] = ['table', 'tenantColumn', 'bytes'] satisfies (keyof StorageTable)[];

/** From JavaScript anything may come. The caller's object is not kept. */
function checked(options: TableStorageOptions): TableStorageOptions {
  const { tables, pool, timeoutMs } = options ?? {};
  const faults: Fault[] = [];
  if (!Array.isArray(tables) || tables.length === 0) {
    faults.push({ location: 'tables', message: 'expected a list of at least one table' });
  }
  const given = Array.isArray(tables) ? tables.map((table: StorageTable, index) => ({ ...table, index })) : [];
  for (const { index, ...table } of given) faults.push(...tableFaults(table, `tables[${index}]`));
  if (pool !== undefined && typeof pool?.connect !== 'function') {
    faults.push({ location: 'pool', message: 'expected a pool of pg' });
  }
  const isTime = Number.isInteger(timeoutMs ?? 1) && (timeoutMs ?? 1) >= 1 && (timeoutMs ?? 1) <= MOST_TIMEOUT_MS;
  if (!isTime)
    faults.push({ location: 'timeoutMs', message: `expected whole milliseconds from 1 to ${MOST_TIMEOUT_MS}` });
  if (faults.length > 0)
    throw configurationFault(faults.map((fault) => ({ ...fault, location: `sumTableStorage: ${fault.location}` })));
  return {
    tables: given.map(({ index: _, ...table }) => table),
    ...(pool === undefined ? {} : { pool }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

function tableFaults(table: Partial<Record<string, unknown>>, location: string): Fault[] {
  const unknown = Object.keys(table).filter((name) => !OF_TABLE.includes(name));
  const odd = OF_TABLE.filter((name) => !(name === 'bytes' && table[name] === undefined) && !isName(table[name]));
  return [
    ...unknown.map((name) => ({ location: `${location}.${name}`, message: `expected one of ${OF_TABLE.join(', ')}` })),
    ...odd.map((name) => ({ location: `${location}.${name}`, message: 'expected a name, a text that is not empty' })),
  ];
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\0');
