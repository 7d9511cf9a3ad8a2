// Producers that apply overlapping batches at the same time. A deadlock is counted and its batch sent again, as a flusher would; what
// the ledger holds at the end is compared with what was sent, tenant by tenant.
import assert from 'node:assert/strict';
import type { UsageBookings } from '../src/ports/usageBookings.js';
import type { UsageLedger } from '../src/ports/usageLedger.js';
import { batchOf } from '../src/testing/usageLedgerCase.js';
import { newProducer } from './ledger.js';
import type { Overlap } from './overlap.js';

const DEADLOCK = '40P01';
/** Each costs the server's deadlock_timeout: after so many the order of locks is known to be wrong. */
const MOST_DEADLOCKS = 5;
/** Every so many batches a producer books as well: half of the time events, else a change of storage. */
const BATCHES_PER_BOOKING = 10;

/** What a race is run with. */
export interface Race {
  readonly ledger: UsageLedger;
  readonly bookings: UsageBookings;
  readonly overlap: Overlap;
  readonly writers: number;
  /** Of all writers together. */
  readonly batches: number;
}

/** What came of it. */
export interface RaceOutcome {
  readonly elapsedMs: number;
  /** Of each batch, in milliseconds. */
  readonly times: readonly number[];
  readonly deadlocks: number;
  readonly bookings: number;
}

/** Runs it. Rejects where a batch fails otherwise than by a deadlock, or by too many. */
export async function race({ ledger, bookings, overlap, writers, batches }: Race): Promise<RaceOutcome> {
  const times: number[] = [];
  let [next, deadlocks, booked] = [0, 0, 0];
  const settled = async <T>(work: () => Promise<T>): Promise<T> => {
    while (true) {
      try {
        return await work();
      } catch (error) {
        if (!isDeadlock(error) || deadlocks === MOST_DEADLOCKS) throw error;
        deadlocks += 1;
      }
    }
  };
  const write = async () => {
    const producerId = await newProducer(ledger);
    for (let from = 0; next < batches; from += 1) {
      next += 1;
      const batch = batchOf(producerId, from, from + 1, overlap.nextSums());
      const startedAt = performance.now();
      assert.deepEqual(await settled(() => ledger.apply(batch)), { outcome: 'applied' });
      times.push(performance.now() - startedAt);
      if (from % BATCHES_PER_BOOKING !== 0) continue;
      booked += 1;
      const [events, change] = [overlap.nextEvents(), overlap.nextChange()];
      await settled(() => bookings.bookEvents(events));
      await settled(() => bookings.addStorage(change));
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: writers }, write));
  return { elapsedMs: performance.now() - startedAt, times, deadlocks, bookings: 2 * booked };
}

/** Rejects where the ledger holds anything else than what was sent. Resolves to the API calls and units that were compared. */
export async function assertExact(ledger: UsageLedger, overlap: Overlap): Promise<{ calls: number; units: number }> {
  const { tenants, firstDate, lastDate } = overlap;
  const asked = tenants.map((tenantId) => ({ tenantId, meter: '', resetNumber: 0, firstDate, lastDate }));
  const sums = await ledger.sumCharges(asked);
  let [calls, units] = [0, 0];
  for (const [index, tenantId] of tenants.entries()) {
    const { days, meters } = await ledger.readUsage(tenantId, firstDate, lastDate);
    const expected = overlap.expected(tenantId);
    assert.deepEqual({ days, units: sums[index], meters }, expected, tenantId);
    calls += days.reduce((sum, day) => sum + day.apiCalls, 0);
    units += expected.units;
  }
  return { calls, units };
}

function isDeadlock(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === DEADLOCK;
}
