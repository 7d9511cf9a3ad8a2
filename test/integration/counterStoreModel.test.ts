// Random sequences of charges against every store, held step by step to the pure rule at the store's own time. Redis's clock
// cannot be set, but windows are only numbers: windows of milliseconds roll over by themselves, and a caller whose clock is off
// is a window shifted by some lengths.
import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChargeRequest, type ChargeWindow, charge, type StoredWindow } from '../../src/core/quota/charge.js';
import { MAX_COUNT } from '../../src/core/quota/limit.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { memoryCounterStore } from '../../src/stores/memory/memoryCounterStore.js';
import { keyOf } from '../../src/stores/redis/decide.js';
import { redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { sharedRedisUrl } from '../servers/redisServer.js';

const SEQUENCES_AT_ONCE = 50;
const RUNS = 44;
const LENGTHS_MS = [3, 20, 80, 10_000, 3_600_000, 31 * 86_400_000];
const KEEP_AFTER_END_MS = 2 * 86_400_000;

const count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: MAX_COUNT - 3, max: MAX_COUNT }) },
);

const windowStep = fc.record({
  present: fc.integer({ min: 0, max: 5 }).map((one) => one > 0),
  limit: fc.option(count, { nil: undefined, freq: 6 }),
  fromLedger: fc.integer({ min: 0, max: 3 }).map((one) => one === 0),
  /** How many lengths the caller's clock is off. */
  off: fc.oneof(
    { weight: 40, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.constantFrom(-1, 1) },
    fc.constantFrom(-4, 4),
  ),
  /** Part of the length by which a changed zone moves the starts, and makes the present window longer. */
  moved: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(0.2, 0.5)),
  longer: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(0.5)),
  floor: fc.option(fc.record({ of: fc.constantFrom(0, 1, 1, 1, 1, 2), used: count, provisional: fc.boolean() }), {
    nil: undefined,
    freq: 2,
  }),
});

const step = fc.record({
  cost: fc.oneof({ weight: 10, arbitrary: fc.integer({ min: 0, max: 5 }) }, count),
  windows: fc.array(windowStep, { minLength: 4, maxLength: 4 }),
  deadline: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, fc.constantFrom(-1, 0, 60_000)),
  /** By how much the clock of a store that lets itself be set moves. */
  passed: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(0, 0, 0, 1, 2) },
    { weight: 4, arbitrary: fc.constantFrom(-5, 19, 80, 10_000) },
    fc.constantFrom(-20_000, 3_600_000, 3_000_000_000),
  ),
});

const sequence = fc.record({
  lengths: fc.array(fc.constantFrom(...LENGTHS_MS), { minLength: 4, maxLength: 4 }),
  steps: fc.array(step, { minLength: 4, maxLength: 14 }),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Sequence = typeof sequence extends fc.Arbitrary<infer T> ? T : never;

function requestOf(tenantId: string, one: Step, lengths: readonly number[], nowMs: number): ChargeRequest {
  const windows: ChargeWindow[] = [];
  for (const [index, window] of one.windows.entries()) {
    if (!window.present) continue;
    const length = lengths[index] as number;
    const start = (Math.floor(nowMs / length) + window.off) * length + Math.floor(window.moved * length);
    const next = start + length + Math.floor(window.longer * length);
    const starts = [start - length, start, next] as const;
    const { floor } = window;
    windows.push({
      ...{ field: `w${index}`, limit: window.limit, starts, end: next + length, fromLedger: window.fromLedger },
      floor: floor && {
        start: starts[floor.of] as number,
        used: floor.used,
        ...(floor.provisional && { provisional: true as const }),
      },
    });
  }
  return {
    tenantId,
    cost: one.cost,
    windows,
    deadlineMs: one.deadline === undefined ? undefined : nowMs + one.deadline,
  };
}

/** Runs one sequence and compares each reply; returns what the store must hold at the end. */
async function follow(
  store: CounterStore,
  tenantId: string,
  { steps, lengths }: Sequence,
  shares: Map<string, number>,
  pass: (ms: number) => void,
): Promise<Map<string, StoredWindow>> {
  const model = new Map<string, StoredWindow>();
  let now = (await store.charge({ tenantId, cost: 0, windows: [] })).timeMs;
  for (const one of steps) {
    pass(one.passed);
    const request = requestOf(tenantId, one, lengths, now);
    const reply = await store.charge(request);
    const expected = charge(model, request, reply.timeMs);
    assert.deepEqual(reply, expected.reply);
    for (const [field, written] of expected.writes) model.set(field, written);
    shares.set(reply.outcome, (shares.get(reply.outcome) ?? 0) + 1);
    now = reply.timeMs;
  }
  return model;
}

async function manySequences(name: string, run: (one: Sequence, shares: Map<string, number>) => Promise<void>) {
  const shares = new Map<string, number>();
  const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
  const all = fc.array(sequence, { minLength: SEQUENCES_AT_ONCE, maxLength: SEQUENCES_AT_ONCE });
  await fc.assert(
    fc.asyncProperty(all, async (sequences) => {
      await Promise.all(sequences.map((one) => run(one, shares)));
    }),
    { seed, numRuns: RUNS, interruptAfterTimeLimit: 45_000, markInterruptAsFailure: true },
  );
  const total = [...shares.values()].reduce((sum, one) => sum + one, 0);
  const told = [...shares].map(([outcome, one]) => `${outcome} ${((100 * one) / total).toFixed(1)} %`).join(', ');
  console.info(`${name}: ${RUNS * SEQUENCES_AT_ONCE} sequences, ${total} charges (${told}), TEST_SEED=${seed}`);
  expect((shares.get('denied') ?? 0) / total).toBeGreaterThan(0.2);
  for (const outcome of ['granted', 'cold', 'clock', 'late']) expect(shares.get(outcome) ?? 0).toBeGreaterThan(100);
}

describe('a store decides as the pure rule does at its time', () => {
  const keyPrefix = `model-${randomUUID()}:`;
  const redis = createClient({ url: sharedRedisUrl() });
  const store = redisCounterStore(redisConnection(sharedRedisUrl()), { keyPrefix });

  beforeAll(async () => {
    await Promise.all([redis.connect(), store.ready()]);
  });

  afterAll(async () => {
    await store.close();
    for await (const keys of redis.scanIterator({ MATCH: `${keyPrefix}*`, COUNT: 1_000 })) {
      if (keys.length > 0) await redis.unlink(keys);
    }
    await redis.close();
  });

  test('memory, over 2,000 random sequences with a clock that jumps', async () => {
    await manySequences('memory', async (one, shares) => {
      let now = 1_700_000_000_000;
      const memory = memoryCounterStore({ wallMs: () => now, monotonicMs: () => now });
      await follow(memory, 'tenant', one, shares, (ms) => {
        now += ms;
      });
    });
  });

  test('Redis, over 2,000 random sequences; what it holds is the model’s, and every key expires', async () => {
    await manySequences('Redis', async (one, shares) => {
      const tenantId = randomUUID();
      const model = await follow(store, tenantId, one, shares, () => undefined);
      const key = keyOf(keyPrefix, tenantId);
      const { g, ...fields } = await redis.hGetAll(key);
      assert.deepEqual(fields, Object.fromEntries([...model].map(([field, window]) => [field, packed(window)])));
      if (model.size === 0) return assert.equal(g, undefined);
      assert.match(g ?? '', /^\d{16}$/);
      const longest = Math.max(...[...model.values()].map((window) => window.end));
      const ttl = await redis.pTTL(key);
      assert.ok(ttl > longest + KEEP_AFTER_END_MS - Date.now() - 5_000, `${ttl} ms to live`);
    });
    let keys = 0;
    for await (const page of redis.scanIterator({ MATCH: `${keyPrefix}*`, COUNT: 1_000 })) {
      keys += page.length;
      for (const ttl of await Promise.all(page.map((key) => redis.pTTL(key)))) expect(ttl).toBeGreaterThan(0);
    }
    expect(keys).toBeGreaterThan(1_000);
  });
});

const packed = (window: StoredWindow) =>
  `${window.start} ${window.end - window.start} ${window.used}${window.provisional ? 'p' : ''}`;
