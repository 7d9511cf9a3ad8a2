// Rows as values. Statements return text, numbers or int8 in whatever form the pool's parsers give them (text, number, bigint);
// here, and only here, they become what the ports promise.
import { TallygateError } from '../../core/errors.js';

/** A row by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A whole number up to 2^53-1. int8 arrives as text from `pg`, as number or bigint from pools with parsers of their own. */
export function wholeOf(row: Row, column: string): number {
  const value = row[column];
  const whole = typeof value === 'string' || typeof value === 'bigint' ? Number(value) : value;
  if (typeof whole === 'number' && Number.isSafeInteger(whole)) return whole;
  throw unexpected(column, 'a whole number up to 2^53-1', value);
}

/** A text: also dates, uuids, numerics and JSON, which statements cast. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw unexpected(column, 'text', value);
}

/** A text, or undefined for NULL. */
export function optionalTextOf(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column);
}

/** A whole number, or undefined for NULL. */
export function optionalWholeOf(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : wholeOf(row, column);
}

/** The only row of a statement that always returns one. */
export function onlyRow(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw unexpected('*', 'one row', undefined);
  return row;
}

function unexpected(column: string, expected: string, value: unknown): TallygateError {
  // Unavailable rather than refused: whoever waits keeps its usage and says so, instead of putting it aside as poison.
  return new TallygateError('ledger_unavailable', `Column ${column}: expected ${expected}, got ${typeof value}`);
}
