// What comes back where Redis has lost a part: an old snapshot, keys that it evicted, a key that another program wrote.
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTallygate, type Decision, type Tallygate, type TallygateOptions } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { startTcpProxy } from '../servers/tcpProxy.js';
import { until } from '../servers/until.js';

let database: TestDatabase;
let redis: RedisServer;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  // Short, so that a test can wait for one.
  vi.stubEnv('USAGE_METER_FLUSH_INTERVAL_MS', '300');
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await redis?.stop();
  await database?.drop();
});

// A month does not end under a test, but for the one instant in which no test would be any better.
const plans = { free: [{ name: 'month', window: 'month', limit: 10 }] } as const;

function start(options: TallygateOptions = {}): Tallygate {
  const tallygate = createTallygate({
    database: database.url,
    redis: redis.url,
    plans,
    // What is not decided by Redis is refused, so that each figure is one of Redis.
    onStoreError: 'deny',
    ...options,
  });
  ends.push(() => tallygate.close({ deadlineMs: 1_000 }));
  return tallygate;
}

async function admin(...command: string[]): Promise<unknown> {
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

const usedOf = (decision: Decision): number | undefined => decision.limits[0]?.used;

async function consume(tallygate: Tallygate, tenantId: string, times: number): Promise<number> {
  let admitted = 0;
  for (let index = 0; index < times; index += 1) {
    if ((await tallygate.quota.consume(tenantId)).outcome === 'admitted') admitted += 1;
  }
  return admitted;
}

describe('Redis is restarted from an old snapshot', () => {
  it('and each process brings back what the ledger has and what it saw itself, with its first charge', async () => {
    const [first, second] = [start(), start()];
    expect(await consume(first, 'snapshot', 2)).toBe(2);
    await admin('SAVE');
    expect(await consume(first, 'snapshot', 3)).toBe(3);
    expect(await consume(second, 'snapshot', 2)).toBe(2);
    redis.kill('SIGKILL');
    await until(async () => (await first.quota.consume('snapshot')).outcome === 'unavailable', { what: 'a 503' });
    await redis.restart();
    const seen = await until(
      async () => {
        const decision = await first.quota.consume('snapshot', { cost: 0 });
        return decision.limits.length > 0 && decision;
      },
      { what: 'Redis again' },
    );
    expect(usedOf(seen)).toBeGreaterThanOrEqual(5);
    // At the latest a flush interval later nothing is missing: the ten are granted once.
    await until(async () => usedOf(await second.quota.peek('snapshot')) === 7, { what: 'the seven' });
    expect((await consume(first, 'snapshot', 5)) + (await consume(second, 'snapshot', 5))).toBe(3);
  });
});

describe('Redis is restarted from an old snapshot, in leased mode', () => {
  it('and the limit is admitted once, to the last unit: no block from before gives anything back', async () => {
    const month = 80;
    const leased = { mode: 'leased', plans: { free: [{ name: 'month', window: 'month', limit: month }] } } as const;
    // A call that a busy machine times out burns its block, rightly, and what is held would not come back.
    vi.stubEnv('QUOTA_STORE_TIMEOUT_MS', '5000');
    const [first, second] = [start(leased), start(leased)];
    vi.stubEnv('QUOTA_STORE_TIMEOUT_MS', undefined);
    const idle = (when: string) =>
      until(async () => (await first.quota.peek('leased')).limits[0]?.held === 0, { what: `nothing is held ${when}` });
    let admitted = await consume(first, 'leased', 16);
    await idle('at first');
    await admin('SAVE');
    admitted += await consume(first, 'leased', 20);
    admitted += await consume(second, 'leased', 16);
    // Whatever is held now dies with this Redis.
    redis.kill('SIGKILL');
    await until(async () => (await first.quota.consume('leased', { cost: 1_000 })).outcome !== 'admitted');
    await redis.restart();
    const back = async (one: Tallygate) => (await one.quota.peek('leased')).limits.length > 0;
    for (const one of [first, second]) await until(() => back(one), { what: 'Redis again' });
    // A charge of each process carries what it knows, and once more after its next flush.
    for (const one of [first, second]) {
      await one.flush();
      admitted += await consume(one, 'leased', 1);
    }
    await idle('afterwards');
    const used = usedOf(await second.quota.peek('leased'));
    console.info(`leased, old snapshot: ${admitted} admitted so far, ${used} counted`);
    expect(used).toBe(admitted);
    for (const one of [first, second, first, second]) {
      admitted += await consume(one, 'leased', 40);
      await idle('near the limit');
    }
    expect(admitted).toBe(month);
  });
});

describe('Redis evicts', () => {
  it('and a tenant comes back with what it has used', async () => {
    const tallygate = start();
    expect(await consume(tallygate, 'evicted', 6)).toBe(6);
    // What the policies allkeys-* do to a key when memory is short.
    expect(await admin('UNLINK', 'tg:{evicted}:q')).toBe(1);
    expect(await consume(tallygate, 'evicted', 6)).toBe(4);
  });
});

describe('another program writes into a key', () => {
  it('the tenant is refused and charged nothing, the others go on, and it comes back when the key is deleted', async () => {
    const tallygate = start();
    expect(await consume(tallygate, 'garbled', 4)).toBe(4);
    await admin('HSET', 'tg:{garbled}:q', 'month', 'hello');
    const refused = await tallygate.quota.consume('garbled');
    expect(refused).toMatchObject({ outcome: 'unavailable', allowed: false, chargeUnknown: false, limits: [] });
    expect(await consume(tallygate, 'tidy', 1)).toBe(1);
    await admin('DEL', 'tg:{garbled}:q');
    expect(usedOf(await tallygate.quota.consume('garbled'))).toBe(5);
  });
});

describe('the ledger says nothing any more', () => {
  it('tenants that Redis knows go on, over one wait at most; a new one is refused by deny within its time', async () => {
    const proxy = await startTcpProxy(Number(new URL(database.url).port));
    ends.push(() => proxy.stop());
    const earlier = start();
    expect(await consume(earlier, 'seen-elsewhere', 2)).toBe(2);
    await earlier.flush();
    const tallygate = start({ database: proxy.through(database.url) });
    expect(await consume(tallygate, 'known', 1)).toBe(1);
    proxy.pause(true);
    const startedAt = performance.now();
    // This one is seen here for the first time: it waits for the ledger, in vain, and goes on by what Redis has.
    expect(usedOf(await tallygate.quota.consume('seen-elsewhere'))).toBe(3);
    const fresh = await tallygate.quota.consume('seen-by-nobody');
    expect(fresh).toMatchObject({ outcome: 'unavailable', chargeUnknown: false });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    // Longer than the ledger counts as away after a failure: no request is the one that has to find out.
    const endsAt = performance.now() + 1_500;
    let [slowest, admitted] = [0, 0];
    while (performance.now() < endsAt) {
      const askedAt = performance.now();
      const { outcome } = await tallygate.quota.consume('seen-elsewhere', { cost: 0 });
      slowest = Math.max(slowest, performance.now() - askedAt);
      if (outcome === 'admitted') admitted += 1;
    }
    expect(admitted).toBeGreaterThan(10);
    expect(slowest).toBeLessThan(1_000);
    proxy.pause(false);
  });
});
