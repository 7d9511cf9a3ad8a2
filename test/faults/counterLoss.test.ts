// Guarantee 4: Redis holds no truth. What it forgets, and what a process forgets, comes back from the ledger.
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTallygate, type Tallygate, type TallygateOptions } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';

let database: TestDatabase;
let redis: RedisServer;
const open: Tallygate[] = [];

beforeAll(async () => {
  database = await createMigratedDatabase();
  redis = await startRedis();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((tallygate) => tallygate.close()));
});

afterAll(async () => {
  await redis?.stop();
  await database?.drop();
});

const plans = {
  free: [
    { name: 'minute', window: 'minute', limit: 'unlimited' },
    { name: 'day', window: 'day', limit: 5 },
    { name: 'month', window: 'month', limit: 8 },
  ],
} as const;

function start(options: TallygateOptions = {}): Tallygate {
  const tallygate = createTallygate({ database: database.url, plans, ...options });
  open.push(tallygate);
  return tallygate;
}

/** How many of `count` requests are admitted. */
async function admitted(tallygate: Tallygate, tenantId: string, count: number): Promise<number> {
  const decisions = [];
  for (let index = 0; index < count; index += 1) decisions.push(await tallygate.quota.consume(tenantId));
  return decisions.filter((decision) => decision.outcome === 'admitted').length;
}

async function flushAll(): Promise<void> {
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.sendCommand(['FLUSHALL']);
  client.destroy();
}

describe('a counter that was forgotten comes back from the ledger', () => {
  it('after a restart of a process that counts alone: nobody gets a fresh day', async () => {
    const before = start();
    expect(await admitted(before, 'restarted', 3)).toBe(3);
    expect(await before.close()).toBe(0);
    expect(await admitted(start(), 'restarted', 5)).toBe(2);
  });

  it('after FLUSHALL: the day has what was used, what this process had not flushed included', async () => {
    const tallygate = start({ redis: redis.url });
    expect(await admitted(tallygate, 'flushed', 3)).toBe(3);
    await flushAll();
    expect(await admitted(tallygate, 'flushed', 5)).toBe(2);
  });

  it('after FLUSHALL under two processes: both together get the rest, once', async () => {
    const [first, second] = [start({ redis: redis.url }), start({ redis: redis.url })];
    expect(await admitted(first, 'shared', 2)).toBe(2);
    expect(await admitted(second, 'shared', 1)).toBe(1);
    await Promise.all([first.flush(), second.flush()]);
    await flushAll();
    const counts = await Promise.all([admitted(first, 'shared', 4), admitted(second, 'shared', 4)]);
    expect(counts[0] + counts[1]).toBe(2);
  });

  it('after Redis was restarted empty: the connection comes back, and the day with it', async () => {
    const tallygate = start({ redis: redis.url, onStoreError: 'deny' });
    expect(await admitted(tallygate, 'reconnected', 4)).toBe(4);
    redis.kill('SIGKILL');
    await until(async () => (await tallygate.quota.consume('reconnected')).outcome === 'unavailable', {
      what: 'a 503',
    });
    await redis.restart();
    await until(async () => (await tallygate.quota.peek('reconnected')).limits.length > 0, { what: 'Redis again' });
    expect(await admitted(tallygate, 'reconnected', 3)).toBe(1);
  });

  it('a limit that is new in mid-month finds what was used before it', async () => {
    const before = start({ redis: redis.url, plans: { free: plans.free.filter((limit) => limit.name === 'minute') } });
    expect(await admitted(before, 'newly-limited', 6)).toBe(6);
    await before.close();
    const tallygate = start({ redis: redis.url });
    const decision = await tallygate.quota.consume('newly-limited');
    expect(decision.outcome).toBe('denied');
    expect(decision.limits.map(({ name, used }) => ({ name, used }))).toEqual([
      { name: 'minute', used: 6 },
      { name: 'day', used: 6 },
      { name: 'month', used: 6 },
    ]);
  });

  it('looking at a tenant creates no counter and charges nothing', async () => {
    const tallygate = start({ redis: redis.url });
    await tallygate.quota.peek('only-looked-at');
    const client = createClient({ url: redis.url });
    await client.connect();
    expect(await client.sendCommand(['EXISTS', 'tg:{only-looked-at}:q'])).toBe(0);
    client.destroy();
  });
});
