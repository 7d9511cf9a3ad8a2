// A tenant that reserves and releases, with counters and a ledger behind it: what the counters stand at once the ledger was read
// again. What the ledger was told of decisions is the test's to say.
import type { Decision } from '../../src/core/quota/decision.js';
import { UTC_CALENDAR } from '../../src/core/time/calendar.js';
import { silentObserver } from '../../src/ports/observer.js';
import { Admission } from '../../src/services/admission/admission.js';
import { Rehydration } from '../../src/services/admission/rehydration.js';
import { StoreClock } from '../../src/services/admission/storeClock.js';
import { UsageBuffer } from '../../src/services/metering/usageBuffer.js';
import { UsageRecorder } from '../../src/services/metering/usageRecorder.js';
import type { TenantQuota } from '../../src/services/usage/quotaService.js';
import { memoryCounterStore } from '../../src/stores/memory/memoryCounterStore.js';
import { FarStore } from '../quota/farStore.js';

const FLUSH_INTERVAL_MS = 5_000;
const QUOTA: TenantQuota = {
  ...{
    plan: 'pro',
    planSource: 'plan',
    hasSetting: true,
    known: true,
    calendar: UTC_CALENDAR,
    resetNumber: 0,
    version: 1,
  },
  validUntilMs: Number.POSITIVE_INFINITY,
  limits: [{ name: 'month', window: 'month', limit: 100, enforce: 'hard', source: 'plan' }],
};

/** The ledger, as far as quotas need it: what was booked is in it at once. */
class Booked extends UsageBuffer {
  units = 0;

  override addCharge(...[, { units = 0 }]: Parameters<UsageBuffer['addCharge']>): void {
    this.units += units;
  }
}

/**
 * Units of the month after one unit was admitted, 60 were reserved and released, the ledger was read again, and one more was admitted.
 * @param told what the recorder is told of a decision
 */
export async function usedAfterRelease(told: (decision: Decision) => Decision): Promise<number | undefined> {
  const now = { ms: Date.UTC(2026, 10, 24, 12) };
  const clock = { wallMs: () => now.ms, monotonicMs: () => now.ms };
  const store = new FarStore(clock.wallMs);
  const ledger = new Booked({ onSaturated: () => undefined });
  const recorder = new UsageRecorder({ buffer: ledger, metering: true, clock, onBooked: () => undefined });
  const rehydration = new Rehydration({
    sumCharges: async (queries) => queries.map(() => ledger.units),
    flushCharges: async () => undefined,
    generation: () => store.generation,
    flushIntervalMs: FLUSH_INTERVAL_MS,
    clock,
  });
  const admission = new Admission({
    ...{ quotaOf: () => QUOTA, store, localStore: memoryCounterStore(clock), rehydration, leases: undefined },
    ...{ policy: 'deny', refusesUnknown: false, remembersDenials: false, timeoutMs: 250, clock },
    ...{ storeClock: new StoreClock(clock, silentObserver), observer: silentObserver },
    onStoreFailure: () => undefined,
    onDecision: (decision) => recorder.recordDecision(told(decision)),
  });
  await admission.decide('acme', 1);
  await admission.decide('acme', 60, { reserve: { id: 'r', ttlMs: 60_000 } });
  await store.finish({ tenantId: 'acme', id: 'r', action: { kind: 'release' } });
  now.ms += FLUSH_INTERVAL_MS;
  return (await admission.decide('acme', 1)).limits[0]?.used;
}
