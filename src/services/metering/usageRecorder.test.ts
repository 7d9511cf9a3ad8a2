// What of an app's own meters is booked, and that nothing of it is where nothing is metered.
import { expect, test } from 'vitest';
import { UsageBuffer } from './usageBuffer.js';
import { UsageRecorder } from './usageRecorder.js';

const DAY = '2026-11-24';
const NOW = Date.UTC(2026, 10, 24, 12);
const KEY = Buffer.alloc(16, 7);

function given(metering: boolean) {
  const buffer = new UsageBuffer({ onSaturated: () => {} });
  const clock = { wallMs: () => NOW, monotonicMs: () => 0 };
  const recorder = new UsageRecorder({ buffer, metering, clock, onBooked: () => {} });
  recorder.recordMeter('acme', DAY, 'tokens', 5);
  recorder.recordMeter('acme', DAY, 'tokens', 7);
  recorder.recordMeter('acme', DAY, 'rows', 0);
  recorder.recordLevel('acme', 'seats', 3, NOW - 999);
  recorder.recordLevel('acme', 'seats', 4, NOW - 998);
  const use = { key: KEY, usageDate: DAY, apiCalls: 1, meter: 'seats', amount: 0, level: { value: 9, atMs: NOW } };
  for (const _ of [1, 2]) recorder.recordOnce('acme', use);
  buffer.seal();
  return buffer.sealed[0]?.increments.tenants.get('acme');
}

test('amounts add up, of two levels in one second the later one holds, and what has a key is booked once', () => {
  const { days, levels, keyed } = given(true) ?? {};
  expect([...(days?.get(DAY)?.meters ?? [])]).toEqual([['tokens', 12]]);
  const second = Math.floor((NOW - 999) / 1000);
  expect([...(levels?.values() ?? [])]).toMatchObject([{ meter: 'seats', atSeconds: second, bytes: 4 }]);
  expect([...(keyed ?? [])]).toMatchObject([
    [KEY.toString('hex'), { apiCalls: 1, meter: 'seats', level: { atSeconds: NOW / 1000, bytes: 9 } }],
  ]);
});

test('where no usage is metered, nothing of it is booked', () => {
  expect(given(false)).toBeUndefined();
});
