// `npm run bench -- writers`: eight producers whose batches touch the same tenants, days, users, keys and seconds of storage, each in an
// order of its own, with bookings in between. It fails where two of them waited for each other in a circle, or a sum is not exact.
import { postgresBookings } from '../src/stores/postgres/postgresBookings.js';
import { SCHEMA, startLedger } from './ledger.js';
import { Loads, machineLine } from './machine.js';
import { Overlap } from './overlap.js';
import { readNumbers } from './partOptions.js';
import { percentile } from './percentile.js';
import { assertExact, race } from './race.js';
import type { Part } from './run.js';

const OPTIONS = {
  batches: { full: 10_000, quick: 200 },
  writers: { full: 8, quick: 8 },
  tenants: { full: 100, quick: 30 },
};

/** See the head of this file. */
export const writers: Part = async (args, run) => {
  const { batches, writers: count, tenants } = readNumbers(args, OPTIONS);
  const { ledger, pool, client, serverLine } = await startLedger(run);
  const bookings = postgresBookings(pool, { schema: SCHEMA, deadlineMs: 60_000 });
  const overlap = new Overlap('race', tenants, 1);
  const loads = new Loads();
  loads.note();
  const outcome = await race({ ledger, bookings, overlap, writers: count, batches });
  loads.note();
  const { calls, units } = await assertExact(ledger, overlap);
  const { rows } = await client.query(
    'select deadlocks::integer as deadlocks from pg_stat_database where datname = current_database()',
  );
  const deadlocks = Math.max(outcome.deadlocks, rows[0]?.deadlocks);
  if (deadlocks !== 0) throw new Error(`expected no deadlock, got ${deadlocks}`);
  const times = [...outcome.times];
  return [
    `${machineLine()}; ${serverLine}.`,
    loads.line(),
    `${count} writers, ${times.length} batches of about 50 rows over ${tenants} tenants, ${outcome.bookings} bookings in between.`,
    `${((times.length / outcome.elapsedMs) * 1000).toFixed(0)} batches/s; a batch p50 ${percentile(times, 50).toFixed(1)} ms, p99 ${percentile(times, 99).toFixed(1)} ms.`,
    `${deadlocks} deadlocks; all of ${calls} API calls and ${units} units are in the ledger, each once, and all users and storage days are right.`,
    '',
  ].join('\n');
};
