// That a process says that it lives: only once what it had is in the ledger, because reports take it for that; and what it hears then,
// because nothing else tells an idle process that its ledger was restored.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../ports/clock.js';
import { silentObserver } from '../../ports/observer.js';
import type { OwnJournal, UsageJournal } from '../../ports/usageJournal.js';
import type { AllBooked, UsageBatch, UsageGap } from '../../ports/usageLedger.js';
import { UsageBuffer } from './usageBuffer.js';
import { UsageFlusher } from './usageFlusher.js';
import { UsageProducer } from './usageProducer.js';

const TOUCH_INTERVAL_MS = 3 * 60_000;
const HELD = { host: 'here', pid: 1 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

interface Batch extends Pick<UsageBatch, 'from' | 'to'> {
  readonly calls: number;
  readonly agoMs: number | undefined;
}

/** A process over a ledger that keeps what it is told. */
function given({ journal, clock = systemClock }: { readonly journal?: OwnJournal; readonly clock?: Clock } = {}) {
  const state = { lastRecord: undefined as number | undefined, isAway: false, refuses: false, onSent: () => {} };
  const told: string[] = [];
  const batches: Batch[] = [];
  const touched: (AllBooked | undefined)[] = [];
  const closings: boolean[] = [];
  const gaps: UsageGap[] = [];
  let made = 0;
  const unused = () => Promise.reject(new Error('not part of this test'));
  const ledger = {
    identity: () => Promise.resolve({ ledgerId: 'kept', hashKey: Buffer.alloc(32) }),
    newProducerId: () => Promise.resolve(`id${++made}`),
    registerProducer: async () => {
      if (state.refuses) return 'refused' as const;
      state.lastRecord ??= 0;
      return 'registered' as const;
    },
    touchProducer: async (_: string, closed: boolean, allBooked?: AllBooked) => {
      told.push('touched');
      closings.push(closed);
      touched.push(allBooked);
      return state.lastRecord;
    },
    apply: async ({ from, to, calls, allBookedAgoMs }: UsageBatch) => {
      if (state.isAway) throw new Error('away');
      if (state.lastRecord === undefined) return { outcome: 'unregistered' as const };
      if (state.lastRecord !== from) return { outcome: 'elsewhere' as const, lastRecord: state.lastRecord };
      state.onSent();
      told.push('applied');
      batches.push({ from, to, calls: calls[0]?.apiCalls ?? 0, agoMs: allBookedAgoMs?.() });
      state.lastRecord = to;
      return { outcome: 'applied' as const };
    },
    recordGap: async (gap: UsageGap) => void gaps.push(gap),
    ...{ otherLiveProducers: unused, replayPosition: unused },
    ...{ applyReplay: unused, readUsage: unused, sumCharges: unused },
  };
  const journals: UsageJournal | undefined = journal && {
    begin: () => journal,
    lastLedgerId: () => 'kept',
    rememberLedgerId: async () => {},
    others: async () => [],
    damagedFiles: async () => [],
  };
  const producer = new UsageProducer({ ledger, clock, holder: HELD, journals });
  const own = journals && { journal: producer.writableJournal };
  const buffer = new UsageBuffer({ onSaturated: () => {}, ...own });
  const parts = { ledger, buffer, producer, batchSize: 1_000_000, intervalMs: 3_600_000, clock };
  const flusher = new UsageFlusher({ ...parts, observer: silentObserver, onApplied: () => {}, onFailure: () => {} });
  const book = (calls: number) => buffer.addCalls('acme', '2026-11-24', calls);
  const untilTouched = () => vi.advanceTimersByTimeAsync(TOUCH_INTERVAL_MS);
  return { state, told, batches, touched, closings, gaps, book, flusher, producer, untilTouched };
}

it('what waits is brought first; while that fails, nothing is said', async () => {
  const { state, told, book, flusher, untilTouched } = given();
  book(1);
  await flusher.flush();
  await untilTouched();
  expect(told.splice(0)).toEqual(['applied', 'touched']);
  book(1);
  await untilTouched();
  expect(told.splice(0)).toEqual(['applied', 'touched']);
  state.isAway = true;
  book(1);
  await untilTouched();
  expect(told).toEqual([]);
  state.isAway = false;
  await flusher.close(1_000);
});

it('the moment that is told is that before the seal, by the clock of the process that moved most', async () => {
  let [wall, monotonic] = [1_000_000, 50_000];
  const clock = { wallMs: () => wall, monotonicMs: () => monotonic };
  const { state, batches, touched, book, flusher } = given({ clock });
  // The machine sleeps: its monotonic clock stands still, and what wakes later books on.
  state.onSent = () => {
    wall += 3_600_000;
    monotonic += 20;
    book(1);
    state.onSent = () => {};
  };
  book(1);
  await flusher.flush();
  expect(batches).toMatchObject([{ calls: 1, agoMs: 3_600_000 }]);
  await flusher.tell();
  wall -= 60_000;
  monotonic += 7.5;
  expect([touched[0]?.record, touched[0]?.agoMs()]).toEqual([2, 8]);
  await flusher.close(1_000);
});

it('nothing is said to be all while something is booked that was not sent', async () => {
  const { state, touched, book, flusher, told } = given();
  state.onSent = () => {
    book(1);
    state.onSent = () => {};
  };
  book(1);
  await flusher.tell();
  expect([touched, told]).toEqual([[undefined], ['applied', 'touched']]);
  await flusher.close(1_000);
});

/** Keeps what is written; `keptFrom`: what was before is gone. */
function memoryJournal(keptFrom = 0): OwnJournal {
  const records: Parameters<OwnJournal['append']>[0][] = [];
  return {
    ...{ producerId: 'id1', after: 0, openBytes: 0 },
    append: (record) => records.push(record) > 0,
    read: async (after, upTo) => records.filter(({ from, to }) => from >= Math.max(after, keptFrom) && to <= upTo),
    ...{ mark: async () => true, merge: async () => false, moveTo: async () => true },
    ...{ seal: () => {}, sync: async () => {}, applied: async () => {}, close: async () => {} },
  };
}

it('an idle process learns of a restored ledger when it says that it lives: what is kept goes there again at once', async () => {
  const { state, batches, gaps, book, flusher, untilTouched } = given({ journal: memoryJournal() });
  for (const calls of [1, 2, 3]) {
    book(calls);
    await flusher.flush();
  }
  state.lastRecord = 1;
  await untilTouched();
  expect(batches.slice(3)).toMatchObject([{ from: 1, to: 3, calls: 5 }]);
  expect(batches[3]?.agoMs).toBeDefined();
  expect(gaps).toEqual([]);
  // Once: the next time all is as it should be.
  await untilTouched();
  expect(batches).toHaveLength(4);
  await flusher.close(1_000);
});

it('a row that is gone likewise', async () => {
  const { state, batches, gaps, book, flusher, untilTouched } = given({ journal: memoryJournal() });
  book(4);
  await flusher.flush();
  state.lastRecord = undefined;
  await untilTouched();
  expect(batches.slice(1)).toMatchObject([{ from: 0, to: 1, calls: 4 }]);
  expect([gaps, state.lastRecord]).toEqual([[], 1]);
  await flusher.close(1_000);
});

it.each([
  ['without a journal', undefined, [[1, 3]]],
  ['from before what the journal keeps', memoryJournal(2), [[1, 2]]],
])('what a restore took %s is told as a gap at once, and only once', async (_, journal, expected) => {
  const { state, gaps, book, flusher, untilTouched } = given(journal && { journal });
  for (const calls of [1, 2, 3]) {
    book(calls);
    await flusher.flush();
  }
  state.lastRecord = 1;
  await untilTouched();
  expect(gaps.map(({ from, to }) => [from, to])).toEqual(expected);
  await untilTouched();
  book(4);
  await flusher.close(1_000);
  expect([gaps.length, state.lastRecord]).toEqual([1, 4]);
});

it('a row that is gone and too old to be made again is a gap, and what follows has a new id', async () => {
  const { state, batches, gaps, book, flusher, producer, untilTouched } = given();
  book(1);
  await flusher.flush();
  state.lastRecord = undefined;
  state.refuses = true;
  await untilTouched();
  expect(gaps).toMatchObject([{ producerId: 'id1', from: 0, to: 1 }]);
  expect(producer.id).toBe('id2');
  state.refuses = false;
  book(2);
  await flusher.close(1_000);
  expect(batches.at(-1)).toMatchObject({ calls: 2 });
});

it('a process that ends with usage that is not in the ledger does not say that it has closed', async () => {
  const { state, closings, book, flusher } = given({ journal: memoryJournal() });
  book(1);
  await flusher.flush();
  state.isAway = true;
  book(1);
  expect(await flusher.close(0)).toBe(1);
  expect(closings).toEqual([]);
});

it('one that has brought everything does', async () => {
  const { closings, book, flusher } = given({ journal: memoryJournal() });
  book(1);
  expect(await flusher.close(1_000)).toBe(0);
  expect(closings).toEqual([true]);
});
