// What one flush brings to the ledger, and in which portions: the shipped buffer and flusher over a ledger that takes everything.
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../ports/clock.js';
import { silentObserver } from '../../ports/observer.js';
import type { UsageBatch, UsageLedger } from '../../ports/usageLedger.js';
import { UsageBuffer } from './usageBuffer.js';
import { UsageFlusher } from './usageFlusher.js';
import { UsageProducer } from './usageProducer.js';

/** Keeps the batches that it took. `onApply` runs before each answer. */
function flusherOverLedger(onApply: (batch: UsageBatch) => void = () => {}) {
  const batches: UsageBatch[] = [];
  const unused = () => Promise.reject(new Error('not part of this test'));
  const ledger: UsageLedger = {
    identity: () => Promise.resolve({ ledgerId: 'kept', hashKey: Buffer.alloc(32) }),
    newProducerId: () => Promise.resolve('one'),
    registerProducer: () => Promise.resolve('registered'),
    touchProducer: () => Promise.resolve(undefined),
    apply: (batch) => {
      batches.push(batch);
      onApply(batch);
      return Promise.resolve({ outcome: 'applied' });
    },
    recordGap: unused,
    otherLiveProducers: unused,
    replayPosition: unused,
    applyReplay: unused,
    readUsage: unused,
    sumCharges: unused,
  };
  const buffer = new UsageBuffer({ onSaturated: () => {} });
  const producer = new UsageProducer({ ledger, clock: systemClock, holder: { host: 'here', pid: 1 } });
  const parts = { ledger, buffer, producer, batchSize: 1_000_000, intervalMs: 3_600_000, clock: systemClock };
  const flusher = new UsageFlusher({ ...parts, observer: silentObserver, onApplied: () => {}, onFailure: () => {} });
  return { batches, buffer, flusher };
}

const DAY = '2026-11-24';
const rowsOf = ({ calls, charges, users, storage }: UsageBatch) =>
  calls.length + charges.length + users.length + storage.length;

describe('a flush', () => {
  it('brings all that waited when it began, also where a day makes several rows of a batch', async () => {
    const { batches, buffer, flusher } = flusherOverLedger();
    for (let tenant = 0; tenant < 12_000; tenant += 1) {
      buffer.addCalls(`t${tenant}`, DAY, 1);
      buffer.addCharge({ tenantId: `t${tenant}`, usageDate: DAY, meter: '', resetNumber: 0 }, { units: 1 });
    }
    await flusher.flush();
    expect(buffer.rows).toBe(0);
    expect(batches.flatMap((batch) => batch.calls)).toHaveLength(12_000);
    expect(batches.flatMap((batch) => batch.charges)).toHaveLength(12_000);
  });

  it('brings it also where tenants that still wait gain more meanwhile, and ends where others come without end', async () => {
    let sent = 0;
    const { batches, buffer, flusher } = flusherOverLedger(() => {
      sent += 1;
      if (sent > 10) throw new Error('the flush does not end');
      for (let user = 0; user < 3_000; user += 1) buffer.addUser('t11999', DAY, `late-${sent}-${user}`);
      for (let tenant = 0; tenant < 100; tenant += 1) buffer.addCalls(`new-${sent}-${tenant}`, DAY, 1);
    });
    for (let tenant = 0; tenant < 12_000; tenant += 1) buffer.addCalls(`t${tenant}`, DAY, 1);
    await flusher.flush();
    const old = batches.flatMap((batch) => batch.calls).filter((row) => row.tenantId.startsWith('t'));
    expect(old).toHaveLength(12_000);
  });

  it('takes a tenant with any number of users in portions, each user and day once', async () => {
    const { batches, buffer, flusher } = flusherOverLedger();
    buffer.addCalls('crowd', DAY, 40_000);
    for (let user = 0; user < 12_000; user += 1) {
      for (const date of ['2026-10-31', '2026-11-01', DAY]) buffer.addUser('crowd', date, `u${user}`);
    }
    // A day that waits in two segments counts in both.
    expect(buffer.rows).toBeGreaterThanOrEqual(36_003);
    await flusher.flush();
    expect(Math.max(...batches.map(rowsOf))).toBeLessThanOrEqual(5_003);
    expect(batches.flatMap((batch) => batch.calls)).toEqual([{ tenantId: 'crowd', usageDate: DAY, apiCalls: 40_000 }]);
    const bits = new Map<string, number>();
    let given = 0;
    for (const { month, userHash, dayMask } of batches.flatMap((batch) => batch.users)) {
      const key = `${month} ${userHash.toString('hex')}`;
      bits.set(key, (bits.get(key) ?? 0) | dayMask);
      given += dayMask.toString(2).replaceAll('0', '').length;
    }
    expect(given).toBe(36_000);
    expect(bits.size).toBe(24_000);
    for (const batch of batches) {
      const keys = batch.users.map(({ month, userHash }) => `${month} ${userHash.toString('hex')}`);
      expect(new Set(keys).size).toBe(keys.length);
    }
    expect(buffer.rows).toBe(0);
    expect(buffer.has('crowd')).toBe(false);
  });
});
