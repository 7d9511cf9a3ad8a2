// What tables take on disk, with their indexes, by row.
import type { Client } from 'pg';
import { textTable } from '../src/cli/textTable.js';
import { SCHEMA } from './ledger.js';

/** One table. */
export interface TableSize {
  readonly table: string;
  readonly rows: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
}

/** Sizes of tables of the ledger, counted row by row. */
export async function sizesOf(client: Client, tables: readonly string[]): Promise<TableSize[]> {
  const sizes: TableSize[] = [];
  for (const table of tables) {
    const name = `${SCHEMA}.${table}`;
    const { rows } = await client.query(
      `select (select count(*) from ${name})::float8 as rows, pg_table_size($1)::float8 as table, pg_indexes_size($1)::float8 as indexes`,
      [name],
    );
    const [row] = rows;
    sizes.push({ table, rows: row?.rows, tableBytes: row?.table, indexBytes: row?.indexes });
  }
  return sizes;
}

/** As a table for people. */
export function sizesText(sizes: readonly TableSize[]): string {
  return textTable([
    ['table', 'rows', 'table MB', 'indexes MB', 'bytes a row'],
    ...sizes.map(({ table, rows, tableBytes, indexBytes }) => [
      table,
      String(rows),
      (tableBytes / 1e6).toFixed(1),
      (indexBytes / 1e6).toFixed(1),
      rows === 0 ? '' : ((tableBytes + indexBytes) / rows).toFixed(0),
    ]),
  ]);
}
