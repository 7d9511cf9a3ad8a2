// When storage is collected, and by whom: shipped collectors over one ledger in memory, days of fake time.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ModelBooking, ModelCollections } from '../../../test/metering/modelCollections.js';
import type { StorageCollection } from '../../ports/observer.js';
import type { CollectedPairs } from './collectionRun.js';
import { StorageCollector } from './storageCollector.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let ledger: ModelCollections;
let started: StorageCollector[];
beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 24) });
  ledger = new ModelCollections();
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((collector) => collector.end()));
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A process that collects every hour. */
function processOf(collect: (signal: AbortSignal) => CollectedPairs | Promise<CollectedPairs> = () => [['acme', 1]]) {
  const booking = new ModelBooking(ledger);
  const outcomes: StorageCollection['outcome'][] = [];
  const failures: { atMs: number; message: string; retryMs: number }[] = [];
  const collector = new StorageCollector({
    ...{ collections: ledger, collect, record: booking.record, flush: booking.flush, everyMs: HOUR_MS },
    clock: { wallMs: Date.now, monotonicMs: () => performance.now() },
    observer: { saturated: () => {}, storageCollected: ({ outcome }) => outcomes.push(outcome) },
    onCollected: () => {},
    onFailure: (error, retryMs) => failures.push({ atMs: Date.now(), message: String(error), retryMs }),
  });
  started.push(collector);
  collector.start();
  return { collector, booking, outcomes, failures };
}

const passes = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const pauses = () => ledger.finishedAtMs.map((at, index, all) => at - (all[index - 1] ?? at)).slice(1);

test('of four processes one collects each hour, all day', async () => {
  const processes = Array.from({ length: 4 }, () => processOf());
  await passes(24 * HOUR_MS - 1);
  const collected = processes.flatMap(({ outcomes }) => outcomes);
  expect([collected.length, new Set(collected)]).toEqual([24, new Set(['collected'])]);
  expect(pauses().every((ms) => ms >= HOUR_MS && ms <= HOUR_MS + 2 * MINUTE_MS)).toBe(true);
});

test('after a long outage of the ledger the run happens once', async () => {
  const processes = Array.from({ length: 4 }, () => processOf());
  await passes(MINUTE_MS);
  ledger.isAway = true;
  await passes(10 * HOUR_MS);
  expect(ledger.finishedAtMs).toHaveLength(1);
  expect(processes[0]?.failures[0]?.message).toMatch(/away/);
  ledger.isAway = false;
  await passes(HOUR_MS - MINUTE_MS);
  expect(ledger.finishedAtMs).toHaveLength(2);
});

test('a run that fails is told, counted, and tried again with growing pauses up to the period', async () => {
  let works = false;
  const collect = () => {
    if (works) return [['acme', 1]];
    throw new RangeError('no such bucket');
  };
  const { outcomes, failures } = processOf(collect);
  await passes(6 * HOUR_MS);
  const minutes = failures.map(({ retryMs }) => retryMs / MINUTE_MS);
  expect(minutes.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(new Set(outcomes)).toEqual(new Set(['failed']));
  expect(failures[0]?.message).toBe('RangeError: no such bucket');
  expect((await ledger.state()).failure).toBe('no such bucket');
  works = true;
  await passes(2 * HOUR_MS);
  expect(outcomes.at(-1)).toBe('collected');
  expect(await ledger.state()).toMatchObject({ failures: 0, failure: undefined });
});

test('what is no error is told as well', async () => {
  const { failures } = processOf(() => Promise.reject('just a text'));
  await passes(MINUTE_MS / 2);
  expect(failures[0]?.message).toBe('just a text');
});

test('a process that dies in its run is replaced once its claim has ended, and not at once', async () => {
  // It never comes back from the app, and says nothing to the ledger any more: dead, as others see it.
  const dead = processOf(() => new Promise(() => {}));
  await passes(1);
  ledger.renew = async () => false;
  const other = processOf();
  await passes(MINUTE_MS - 2);
  expect(other.outcomes).toEqual([]);
  await passes(2 * MINUTE_MS);
  expect(other.outcomes).toEqual(['collected']);
  expect(dead.outcomes).toEqual([]);
});

test('a claim is renewed as long as its run lasts', async () => {
  const slow = processOf(async function* () {
    await new Promise((resolve) => setTimeout(resolve, 30 * MINUTE_MS));
    yield ['acme', 1];
  });
  await passes(1);
  const other = processOf();
  await passes(31 * MINUTE_MS);
  expect([slow.outcomes, other.outcomes]).toEqual([['collected'], []]);
});

test('a run that takes longer than the period is given up, and its signal says so', async () => {
  const signals: AbortSignal[] = [];
  const { outcomes, failures } = processOf((signal) => {
    signals.push(signal);
    return new Promise(() => {});
  });
  await passes(HOUR_MS - 1);
  expect(outcomes).toEqual([]);
  await passes(2);
  expect(outcomes).toEqual(['failed']);
  expect([signals[0]?.aborted, failures[0]?.message]).toEqual([
    true,
    expect.stringMatching(/longer than the 60 minutes/),
  ]);
});

test('the end breaks a run off, books nothing more, and another process takes it at once', async () => {
  const ending = processOf(async function* () {
    for (let tenant = 0; ; tenant += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      yield [`t${tenant}`, 1];
    }
  });
  const other = processOf();
  await passes(5_500);
  expect(ending.booking.booked).toBeGreaterThan(0);
  await ending.collector.end();
  const { booked } = ending.booking;
  expect([ending.outcomes, ending.failures]).toEqual([['broken_off'], []]);
  expect((await ledger.state()).failures).toBe(0);
  await passes(MINUTE_MS);
  expect([other.outcomes, ending.booking.booked]).toEqual([['collected'], booked]);
});

test('a collector that ends while it looks claims nothing', async () => {
  let collected = false;
  const { collector } = processOf(() => {
    collected = true;
    return [];
  });
  ledger.before = (call) => {
    if (call === 'state') void collector.end();
  };
  await passes(HOUR_MS);
  expect([collected, ledger.finishedAtMs]).toEqual([false, []]);
});

test('where the clocks are too far apart the process has the say, and nothing is refused', async () => {
  const { booking } = processOf();
  const ahead = ledger.claim.bind(ledger);
  ledger.claim = async (request) => {
    const run = await ahead(request);
    return run === undefined ? undefined : { ...run, claimedAtMs: run.claimedAtMs + HOUR_MS };
  };
  const nowMs = Date.now();
  await passes(0);
  expect(booking.booked).toBe(1);
  expect(ledger.levels.get('acme')?.atMs).toBeLessThan(nowMs + MINUTE_MS);
});
