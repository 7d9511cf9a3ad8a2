// Random sequences of charges against every store, held step by step to the pure rule at the store's own time. Redis's clock
// cannot be set, but windows are only numbers: windows of milliseconds roll over by themselves, and a caller whose clock is off
// is a window shifted by some lengths.
import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChargeStep, type CounterWrites, charge } from '../../src/core/quota/charge.js';
import { chargeOnce } from '../../src/core/quota/chargeOnce.js';
import type { ChargeReply, DecidedReply } from '../../src/core/quota/chargeReply.js';
import type { ChargeRequest, ChargeWindow, CounterFloor } from '../../src/core/quota/chargeRequest.js';
import { meterCostsOf } from '../../src/core/quota/cost.js';
import { isSegments, NO_COUNTERS, type StoredCounter, type StoredTenant } from '../../src/core/quota/counter.js';
import type { Settlement } from '../../src/core/quota/lease.js';
import { MAX_COUNT } from '../../src/core/quota/limit.js';
import { REMEMBER_MS, type Remember, type RememberedAdmission } from '../../src/core/quota/remembered.js';
import { type FinishAction, finish, type StoredReservation } from '../../src/core/quota/reservation.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { memoryCounterStore } from '../../src/stores/memory/memoryCounterStore.js';
import { redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { keyOf } from '../../src/stores/redis/script.js';
import { sharedRedisUrl } from '../servers/redisServer.js';

const SEQUENCES_AT_ONCE = 50;
const RUNS = 60;
const LENGTHS_MS = [3, 20, 80, 10_000, 3_600_000, 31 * 86_400_000];
const KEEP_AFTER_END_MS = 2 * 86_400_000;
/** What a run must have met, or it proves nothing of it. */
const SEEN = [
  ...['granted', 'cold', 'clock', 'late', 'block', 'threshold', 'settled', 'reserved'],
  ...['remembered', 'remembered reservation', 'conflict'],
  ...['granted by meter', 'denied by meter', 'committed by meter'],
  ...['committed', 'released', 'expired', 'unknown', 'other_amount', 'already_released', 'already_committed'],
];

const count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: MAX_COUNT - 3, max: MAX_COUNT }) },
);

const windowStep = fc.record({
  present: fc.integer({ min: 0, max: 5 }).map((one) => one > 0),
  limit: fc.option(
    fc.oneof({ weight: 3, arbitrary: count }, { weight: 2, arbitrary: fc.integer({ min: 30, max: 300 }) }),
    { nil: undefined, freq: 6 },
  ),
  fromLedger: fc.integer({ min: 0, max: 3 }).map((one) => one === 0),
  denies: fc.integer({ min: 0, max: 4 }).map((one) => one > 0),
  tells: fc.boolean(),
  /** How many lengths the caller's clock is off. */
  off: fc.oneof(
    { weight: 40, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.constantFrom(-1, 1) },
    fc.constantFrom(-4, 4),
  ),
  /** Part of the length by which a changed zone moves the starts, and makes the present window longer. */
  moved: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(0.2, 0.5)),
  longer: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(0.5)),
  floor: fc.option(
    fc.record({
      of: fc.constantFrom(0, 1, 1, 1, 1, 2),
      used: count,
      kind: fc.constantFrom({}, {}, { provisional: true as const }, { raisesOnly: true as const }),
    }),
    { nil: undefined, freq: 2 },
  ),
});

const someCost = fc.oneof({ weight: 10, arbitrary: fc.integer({ min: 0, max: 5 }) }, count);

const step = fc.record({
  costs: fc.oneof(
    { weight: 3, arbitrary: someCost.map((one) => [one]) },
    fc.array(someCost, { minLength: 0, maxLength: 6 }),
  ),
  /** Of the requests in meters beside own units, as many as the sequence has. */
  meterCosts: fc.array(someCost, { minLength: 12, maxLength: 12 }),
  windows: fc.array(windowStep, { minLength: 5, maxLength: 5 }),
  slides: fc.integer({ min: 0, max: 2 }).map((one) => one === 0),
  deadline: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, fc.constantFrom(-1, 0, 60_000)),
  /** A block: asked for with the charge; and whether the last one is given back by it, and how much of it is left. */
  take: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined, freq: 2 }),
  settles: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined, freq: 2 }),
  /** Whether the first cost becomes a reservation, for how long, and what becomes of an earlier one. */
  reserves: fc.option(fc.constantFrom(2, 60_000), { nil: undefined, freq: 2 }),
  finishes: fc.option(
    fc.record({
      which: fc.nat(1),
      /** What it was in the meters that the sequence has. */
      meterActuals: fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), count), { minLength: 2, maxLength: 2 }),
      action: fc.oneof(
        fc.constant<FinishAction>({ kind: 'release' }),
        fc.integer({ min: 0, max: 2 }).map((actual): FinishAction => ({ kind: 'commit', actual })),
        count.map((actual): FinishAction => ({ kind: 'commit', actual })),
      ),
    }),
    { nil: undefined, freq: 3 },
  ),
  /** A key of the client's, what is asked under it, and which window is the day. */
  keyed: fc.option(
    fc.record({
      which: fc.nat(1),
      content: fc.oneof({ weight: 6, arbitrary: fc.constant('aa') }, fc.constant('bb')),
      day: fc.option(fc.nat(1), { nil: undefined }),
    }),
    { nil: undefined, freq: 3 },
  ),
  /** The reset that the caller knows of, beyond the last one: a stale caller is behind. */
  reset: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, fc.constantFrom(-1, 1)),
  /** By how much the clock of a store that lets itself be set moves. */
  passed: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(0, 0, 0, 1, 2) },
    { weight: 4, arbitrary: fc.constantFrom(-5, 19, 80, 10_000) },
    // Never two days in a sequence: a store forgets what ended so long ago.
    fc.constantFrom(-20_000, 3_600_000, 10_000_000),
  ),
});

const sequence = fc.record({
  lengths: fc.array(fc.constantFrom(...LENGTHS_MS), { minLength: 4, maxLength: 4 }),
  segmentMs: fc.constantFrom(1, 7, 100, 60_000),
  /** Meters beside own units, and which of them each window counts. */
  meters: fc.constantFrom([], [], ['tokens'], ['words', 'tokens']),
  counts: fc.array(fc.nat(2), { minLength: 5, maxLength: 5 }),
  steps: fc.array(step, { minLength: 4, maxLength: 16 }),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Sequence = typeof sequence extends fc.Arbitrary<infer T> ? T : never;

function requestOf(
  tenantId: string,
  one: Step,
  { lengths, segmentMs, meters, counts }: Sequence,
  nowMs: number,
): ChargeRequest {
  const windows: ChargeWindow[] = [];
  const floors: (CounterFloor | undefined)[] = [];
  for (const [index, window] of one.windows.entries()) {
    if (!window.present || (lengths[index] === undefined && !one.slides)) continue;
    const { limit, denies, floor } = window;
    const length = lengths[index];
    const place = (counts[index] ?? 0) % (1 + meters.length);
    const meter = place === 0 ? {} : { meter: place };
    if (length === undefined) {
      windows.push({ field: 'sliding', limit, denies, segmentMs, ...meter });
      floors.push(undefined);
      continue;
    }
    const start = (Math.floor(nowMs / length) + window.off) * length + Math.floor(window.moved * length);
    const next = start + length + Math.floor(window.longer * length);
    const starts = [start - length, start, next] as const;
    const tellAt = window.tells && limit !== undefined && limit > 0 ? limit - Math.floor(limit / 5) : undefined;
    const { fromLedger } = window;
    windows.push({ field: `w${index}`, limit, denies, starts, end: next + length, fromLedger, tellAt, ...meter });
    floors.push(floor && { start: starts[floor.of] as number, used: floor.used, ...floor.kind });
  }
  const deadlineMs = one.deadline === undefined ? undefined : nowMs + one.deadline;
  const costs = one.costs.flatMap((cost, at) => [cost, ...meters.map((_, m) => one.meterCosts[2 * at + m] ?? 0)]);
  const named = meters.length === 0 ? {} : { meters };
  return { tenantId, costs, ...named, windows, floors, resetNumber: 0, deadlineMs, take: one.take };
}

function rememberOf({ keyed }: Step, { windows }: ChargeRequest): Remember | undefined {
  if (keyed === undefined) return undefined;
  const { which, content, day } = keyed;
  return { key: `0${which}`, content, day: day === undefined || windows[day] === undefined ? undefined : day };
}

/** What a commit says of the meters of a sequence. */
function metered(action: FinishAction, meters: readonly string[], actuals: readonly number[]): FinishAction {
  if (action.kind === 'release' || meters.length === 0) return action;
  return { ...action, meterActuals: meterCostsOf([0, ...actuals], meters) };
}

/** What the store must hold by the pure rule, and what the caller remembers of it. */
class Model {
  tenant: StoredTenant = NO_COUNTERS;
  readonly reservations: { id: string; kept: StoredReservation }[] = [];
  block: { reply: DecidedReply; request: ChargeRequest } | undefined;
  readonly remembered = new Map<string, RememberedAdmission>();

  /** The settlement of the last block, of which a part is left. */
  settlement(left: number | undefined): Settlement | undefined {
    if (left === undefined || this.block === undefined) return undefined;
    const { reply, request } = this.block;
    this.block = undefined;
    const { incarnation, block } = reply;
    // A block is of own units.
    const windows = request.windows.flatMap(({ field, meter }, at) =>
      meter === undefined ? [{ field, start: reply.windows[at]?.start ?? 0 }] : [],
    );
    return { incarnation, block, rest: Math.floor(left * block), windows };
  }

  charge(request: ChargeRequest, reply: ChargeReply): void {
    // Which microsecond it was only the store knows.
    const micros = reply.outcome === 'decided' ? reply.incarnation : '';
    const expected = this.#step(request, reply.timeMs, micros);
    assert.deepEqual(reply, expected.reply);
    this.#write(expected.writes);
    const { reserved, incarnation = '', resetNumber } = expected.writes;
    if (reply.outcome !== 'decided') return;
    if (reply.block > 0) this.block = { reply, request };
    if (reserved === undefined || request.reserve === undefined) return;
    const expiresAtMs = reply.timeMs + request.reserve.ttlMs;
    const estimate = request.costs[0] ?? 0;
    const { costs, meters } = request;
    const meterEstimates = meters === undefined ? {} : { meterEstimates: meterCostsOf(costs, meters) };
    const made = { estimate, ...meterEstimates, actual: 0, expiresAtMs, resetNumber, incarnation, windows: reserved };
    this.reservations.push({ id: request.reserve.id, kept: { state: 'open', ...made } });
  }

  #step(request: ChargeRequest, timeMs: number, micros: string): ChargeStep {
    const { remember } = request;
    if (remember === undefined) return charge(this.tenant, request, timeMs, micros);
    const kept = this.remembered.get(remember.key);
    const known = kept !== undefined && timeMs < kept.timeMs + REMEMBER_MS ? kept : undefined;
    const step = chargeOnce(this.tenant, { ...request, remember }, known, timeMs, micros);
    if (step.remember !== undefined) this.remembered.set(remember.key, step.remember);
    return step;
  }

  async finish(store: CounterStore, tenantId: string, which: number, action: FinishAction): Promise<string> {
    // The last one, or the one before; now and then one that was never made.
    const known = this.reservations.at(-1 - which);
    const reply = await store.finish({ tenantId, id: known?.id ?? 'nobody', action });
    const expected = finish(this.tenant, known?.kept, action, reply.timeMs);
    assert.deepEqual(reply, expected.reply);
    this.tenant = { ...this.tenant, counters: new Map([...this.tenant.counters, ...expected.counters]) };
    if (known !== undefined && expected.reservation !== undefined) known.kept = expected.reservation;
    return reply.outcome;
  }

  #write({ counters, isReset, incarnation, resetNumber }: CounterWrites): void {
    if (counters.size === 0) return;
    const before = isReset ? [] : [...this.tenant.counters];
    this.tenant = { incarnation, resetNumber, counters: new Map([...before, ...counters]) };
  }
}

/** Runs one sequence and compares each reply; returns what the store must hold at the end. */
async function follow(
  store: CounterStore,
  tenantId: string,
  one: Sequence,
  shares: Map<string, number>,
  pass: (ms: number) => void,
): Promise<Model> {
  const model = new Model();
  const told = (what: string) => shares.set(what, (shares.get(what) ?? 0) + 1);
  const look = { tenantId, costs: [], windows: [], resetNumber: 0 };
  let now = (await store.charge(look)).timeMs;
  for (const [index, next] of one.steps.entries()) {
    pass(next.passed);
    if (next.finishes !== undefined && model.reservations.length > 0) {
      const { which, action, meterActuals } = next.finishes;
      const outcome = await model.finish(store, tenantId, which, metered(action, one.meters, meterActuals));
      told(outcome);
      if (outcome === 'committed' && one.meters.length > 0) told('committed by meter');
    }
    const reserve =
      next.reserves === undefined || next.costs.length !== 1 || next.take !== undefined
        ? undefined
        : { id: `r${index}`, ttlMs: next.reserves };
    const asked = requestOf(tenantId, next, one, now);
    const request = {
      ...asked,
      resetNumber: Math.max(0, model.tenant.resetNumber + next.reset),
      settle: model.settlement(next.settles),
      reserve,
      remember: next.costs.length === 1 ? rememberOf(next, asked) : undefined,
    };
    const reply = await store.charge(request);
    model.charge(request, reply);
    if (reply.outcome !== 'decided') told(reply.outcome);
    else if (reply.remembered !== undefined) {
      told(reply.remembered.reservation === undefined ? 'remembered' : 'remembered reservation');
    } else {
      for (const granted of reply.granted) {
        told(granted ? 'granted' : 'denied');
        if (one.meters.length > 0) told(granted ? 'granted by meter' : 'denied by meter');
      }
      if (reply.block > 0) told('block');
      if (reply.crossed.length > 0) told('threshold');
      if (request.settle !== undefined) told('settled');
      if (reserve !== undefined && reply.granted[0] === true) told('reserved');
    }
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
  const decided = (shares.get('granted') ?? 0) + (shares.get('denied') ?? 0);
  expect((shares.get('denied') ?? 0) / decided).toBeGreaterThan(0.2);
  for (const seen of SEEN) expect(`${seen}: ${(shares.get(seen) ?? 0) > 30}`).toBe(`${seen}: true`);
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
      const { g, r = '0', ...fields } = await redis.hGetAll(key);
      const { counters, incarnation, resetNumber } = model.tenant;
      assert.deepEqual(fields, Object.fromEntries([...counters].map(([field, one]) => [field, packed(one)])));
      assert.deepEqual([g, Number(r)], [incarnation, resetNumber]);
      if (counters.size === 0) return;
      const ends = [...counters.values()].map((one) => (isSegments(one) ? 0 : one.end));
      const ttl = await redis.pTTL(key);
      assert.ok(ttl > Math.max(...ends) + KEEP_AFTER_END_MS - Date.now() - 5_000, `${ttl} ms to live`);
    });
    let keys = 0;
    for await (const page of redis.scanIterator({ MATCH: `${keyPrefix}*`, COUNT: 1_000 })) {
      keys += page.length;
      for (const ttl of await Promise.all(page.map((key) => redis.pTTL(key)))) expect(ttl).toBeGreaterThan(0);
    }
    expect(keys).toBeGreaterThan(1_000);
  });
});

function packed(counter: StoredCounter): string {
  if (isSegments(counter)) return `~${counter.segments.map(({ index, units }) => `${index}:${units}`).join(' ')}`;
  const { start, end, used, held, told, provisional } = counter;
  const parts = [start, end - start, used, ...(held > 0 || told > 0 ? [held] : []), ...(told > 0 ? [told] : [])];
  return `${parts.join(' ')}${provisional ? 'p' : ''}`;
}
