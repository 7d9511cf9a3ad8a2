// What an error of PostgreSQL or of its driver means for a caller: try again, migrate first, or never.
import { TallygateError } from '../../core/errors.js';

/** The SQLSTATE of an error that the server answered with; undefined where there was no answer. */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  // The driver's own codes (ECONNREFUSED) are longer or hold an underscore; a SQLSTATE is exactly five of these.
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

// 22 data exception, 23 integrity constraint violation, 54 program limit exceeded: the same data fails again for ever.
const REFUSED_CLASSES = new Set(['22', '23', '54']);
// No such table, schema or column: the database is older than this code.
const NOT_MIGRATED = new Set(['42P01', '3F000', '42703']);

/** Turns whatever a query or a connection rejected with into an error of ours, with the cause kept. */
export function postgresFault(error: unknown): TallygateError {
  if (error instanceof TallygateError) return error;
  const state = sqlStateOf(error);
  const said = error instanceof Error ? error.message || error.name : String(error);
  if (state !== undefined && NOT_MIGRATED.has(state)) {
    const message = `The database lacks tables of this version (${said}): run \`npx tallygate migrate\``;
    return new TallygateError('migrations_pending', message, { cause: error });
  }
  if (state !== undefined && REFUSED_CLASSES.has(state.slice(0, 2))) {
    return new TallygateError('ledger_refused', `PostgreSQL refuses this data (${state}): ${said}`, { cause: error });
  }
  const kind = state === undefined ? 'does not answer' : `answered ${state}`;
  return new TallygateError('ledger_unavailable', `PostgreSQL ${kind}: ${said}`, { cause: error });
}
