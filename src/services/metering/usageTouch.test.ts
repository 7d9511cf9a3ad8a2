// That a process says that it lives: only once what it had is in the ledger, because reports take it for that.
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../ports/clock.js';
import { silentObserver } from '../../ports/observer.js';
import { UsageBuffer } from './usageBuffer.js';
import { UsageFlusher } from './usageFlusher.js';
import { UsageProducer } from './usageProducer.js';

const TOUCH_INTERVAL_MS = 3 * 60_000;

afterEach(() => void vi.useRealTimers());

it('what waits is brought first; while that fails, nothing is said', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
  const told: string[] = [];
  let away = false;
  const unused = () => Promise.reject(new Error('not part of this test'));
  const ledger = {
    identity: () => Promise.resolve({ ledgerId: 'kept', hashKey: Buffer.alloc(32) }),
    newProducerId: () => Promise.resolve('one'),
    registerProducer: () => Promise.resolve('registered' as const),
    touchProducer: async () => void told.push('touched'),
    apply: async () => {
      if (away) throw new Error('away');
      told.push('applied');
      return { outcome: 'applied' as const };
    },
    ...{ recordGap: unused, otherLiveProducers: unused, replayPosition: unused },
    ...{ applyReplay: unused, readUsage: unused, sumCharges: unused },
  };
  const buffer = new UsageBuffer({ onSaturated: () => {} });
  const producer = new UsageProducer({ ledger, clock: systemClock, holder: { host: 'here', pid: 1 } });
  const parts = { ledger, buffer, producer, batchSize: 1_000_000, intervalMs: 3_600_000, clock: systemClock };
  const flusher = new UsageFlusher({ ...parts, observer: silentObserver, onApplied: () => {}, onFailure: () => {} });
  buffer.addCalls('acme', '2026-11-24', 1);
  await flusher.flush();
  await vi.advanceTimersByTimeAsync(TOUCH_INTERVAL_MS);
  expect(told.splice(0)).toEqual(['applied', 'touched']);
  buffer.addCalls('acme', '2026-11-24', 1);
  await vi.advanceTimersByTimeAsync(TOUCH_INTERVAL_MS);
  expect(told.splice(0)).toEqual(['applied', 'touched']);
  away = true;
  buffer.addCalls('acme', '2026-11-24', 1);
  await vi.advanceTimersByTimeAsync(TOUCH_INTERVAL_MS);
  expect(told).toEqual([]);
  away = false;
  await flusher.close(1_000);
});
