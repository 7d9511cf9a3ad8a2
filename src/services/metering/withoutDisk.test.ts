// A disk that takes no journal costs a promise, never a call: what is booked reaches the ledger from memory, and a journal begins
// as soon as there can be one.
import { expect, it } from 'vitest';
import { systemClock } from '../../ports/clock.js';
import { silentObserver } from '../../ports/observer.js';
import type { JournalRecord, OwnJournal, UsageJournal } from '../../ports/usageJournal.js';
import type { UsageBatch } from '../../ports/usageLedger.js';
import { UsageBuffer } from './usageBuffer.js';
import { UsageFlusher } from './usageFlusher.js';
import { UsageProducer } from './usageProducer.js';

const LEDGER_ID = '00000000-0000-4000-8000-000000000000';
const DAY = '2026-11-24';

function meteringOver(begin: UsageJournal['begin']) {
  const batches: UsageBatch[] = [];
  const state = { nowMs: 0 };
  const clock = { wallMs: () => 0, monotonicMs: () => state.nowMs };
  const ledger = {
    identity: () => Promise.resolve({ ledgerId: LEDGER_ID, hashKey: Buffer.alloc(32) }),
    newProducerId: () => Promise.resolve('00000000-0000-7000-8000-000000000001'),
    registerProducer: () => Promise.resolve('registered' as const),
    touchProducer: () => Promise.resolve(undefined),
    recordGap: () => Promise.reject(new Error('nothing is missing')),
    apply: (batch: UsageBatch) => {
      batches.push(batch);
      return Promise.resolve({ outcome: 'applied' as const });
    },
  };
  const journals: UsageJournal = {
    begin,
    lastLedgerId: () => LEDGER_ID,
    rememberLedgerId: () => Promise.resolve(),
    others: () => Promise.resolve([]),
    damagedFiles: () => Promise.resolve([]),
  };
  const producer = new UsageProducer({ ledger, clock, holder: { host: 'here', pid: 1 }, journals });
  const buffer = new UsageBuffer({ onSaturated: () => {}, journal: producer.writableJournal });
  const flusher = new UsageFlusher({
    ...{ ledger, buffer, producer, batchSize: 1_000_000, intervalMs: 3_600_000, clock: systemClock },
    ...{ observer: silentObserver, onApplied: () => {}, onFailure: () => {} },
  });
  return { batches, state, buffer, flusher };
}

it('where no journal can be begun, everything reaches the ledger, and the folder is tried again after some seconds', async () => {
  let tries = 0;
  const { batches, state, buffer, flusher } = meteringOver(() => {
    tries += 1;
    return undefined;
  });
  for (let call = 0; call < 100; call += 1) {
    buffer.addCalls('t', DAY, 1);
    buffer.endTurn();
  }
  await flusher.flush();
  expect(tries).toBe(1);
  state.nowMs = 5_000;
  buffer.addCalls('t', DAY, 1);
  await flusher.flush();
  expect(tries).toBe(2);
  expect(batches.flatMap(({ calls }) => calls).map(({ apiCalls }) => apiCalls)).toEqual([100, 1]);
  expect(batches.map(({ from, to }) => [from, to])).toEqual([
    [0, 100],
    [100, 101],
  ]);
});

it('where the journal refuses a record, the record reaches the ledger all the same, and its users are booked again', async () => {
  const written: JournalRecord[] = [];
  let isFull = true;
  const journal: OwnJournal = {
    ...{ producerId: '00000000-0000-7000-8000-000000000001', after: 0, openBytes: 0 },
    append: (record) => {
      if (isFull) return false;
      written.push(record);
      return true;
    },
    seal: () => {},
    sync: () => Promise.resolve(),
    merge: () => Promise.resolve(false),
    applied: () => Promise.resolve(),
    moveTo: () => Promise.resolve(false),
    close: () => Promise.resolve(),
    read: () => Promise.resolve([]),
    mark: () => Promise.resolve(true),
  };
  const { batches, buffer, flusher } = meteringOver(() => journal);
  const book = async () => {
    buffer.addUser('t', DAY, 'u');
    buffer.addCalls('t', DAY, 1);
    await flusher.flush();
  };
  await book();
  await book();
  isFull = false;
  await book();
  await book();
  expect(batches.map(({ calls }) => calls.length)).toEqual([1, 1, 1, 1]);
  // Known only from the first booking on that is on disk.
  expect(batches.map(({ users }) => users.length)).toEqual([1, 1, 1, 0]);
  expect(written.map(({ from, to }) => [from, to])).toEqual([
    [2, 3],
    [3, 4],
  ]);
});
